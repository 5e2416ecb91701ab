"""Names for content: the sha256 of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def canonical(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """The one JSON text of a value: sorted keys, no blanks, UTF-8; ValueError for nan and infinity."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest_of(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """sha256 of the canonical JSON of names and numbers: the key of everything that is cached or kept."""
    return hashlib.sha256(canonical(value)).hexdigest()
