"""The head held still: every frame of a clip laid on its first one before it is cut to the face.

The rectangle of a face stays where the first frame has it (`data_prep.crop`), so a head that shifts or turns
moves through it, and a descriptor sees that beside an expression of half a pixel. What is done about it is an
option, by name:

- `none`: frames are cut as they are, as the TLCNN paper cuts them. The default.
- `rigid`: patches of the skin that expressions move least (bridge of the nose, forehead well above the
  brows, temples, sides of the cheeks) are followed from the first frame, and the similarity (shift, turn,
  scale) that most of them agree on is undone (`data_prep.registration.head`).

Notes
-----
There is no registration by the eye points: the back ends find landmarks to about a pixel, which is more than
the movement to be seen, and the corners of the eyes followed by the same patches move with lids and brows (on
simulated clips one frame in ten was off by half a pixel, against 0.06 px here; docs/how-to/registration.md).
"""

from __future__ import annotations

NONE = "none"
REGISTRATIONS = (NONE, "rigid")
REVISION = 1
"""Raised when registered frames change: what is prepared with them is named by it."""


def named(registration: str) -> dict[str, str]:
    """What a digest holds of a registration: of none nothing, as before there was any."""
    return {} if registration == NONE else {"registration": f"{registration}-{REVISION}"}
