"""Pictures of what the suite computes; the site's gallery runs each function and shows its code beside it.

`python examples/gallery.py DIR` writes them. Each takes a clip, (T, H, W, 3) uint8, and (66, 2) landmarks,
and returns the picture's name and bytes.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path


def movement(clip, landmarks):
    """What changes in a clip since its first frame, magnified: red became brighter, blue darker."""
    from benchmark.look.pictures import animation, difference_pictures

    pictures, _ = difference_pictures(clip)
    return "movement.webp", animation(pictures)


def flow(clip, landmarks):
    """Optical flow from the first frame: hue is its direction, strength its length."""
    from benchmark.look.pictures import animation, flow_pictures

    pictures, _ = flow_pictures(clip)
    return "flow.webp", animation(pictures)


def codes(clip, landmarks):
    """The binary patterns that LBP-TOP counts, in the planes XY, XT and YT, at the clip's middle."""
    from features.lbp_top import lbp_top_codes
    from features.optical_flow import to_grey

    found = lbp_top_codes(to_grey(clip), radii=(3, 3, 3), points=(8, 8, 8))
    return "codes.png", drawn(*(plane[len(plane) // 2] for plane in found))


def regions(clip, landmarks):
    """MDMO's 36 regions on the face, each coloured by how far it moves."""
    import numpy as np
    from matplotlib.collections import PolyCollection

    from features.face_regions import region_polygons
    from features.mdmo import mdmo
    from features.optical_flow import flow_from_first

    length = mdmo(flow_from_first(clip), landmarks)[:, 0]
    shapes = PolyCollection([np.asarray(each) for each in region_polygons(landmarks)], alpha=0.7)
    shapes.set_array(length)
    return "regions.png", drawn(clip[0], over=shapes)


EXAMPLES = (movement, flow, codes, regions)


def drawn(*pictures, over=None) -> bytes:
    """Pictures side by side as PNG, shapes over the last."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * len(pictures), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, picture in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures, strict=True):
        axes.imshow(picture, cmap="cividis")
        axes.set_axis_off()
        if over is not None:
            axes.add_collection(over)
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=110)
    return held.getvalue()


def clip_of_the_simulator(cache="cache"):
    """A clip of surprise and its landmarks, from the smallest simulation."""
    import benchmark

    clips = benchmark.load(settings={"simulator": "tiny", "cache": str(cache)})
    chosen = next(i for i, label in enumerate(clips.labels) if clips.classes[label] == "surprise")
    return clips[chosen], clips.landmarks[chosen]


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    shown = clip_of_the_simulator()
    for example in EXAMPLES:
        name, content = example(*shown)
        (out / name).write_bytes(content)
