"""Data for a page's own scripts."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup


def inline_json(value: Any) -> Markup:
    """JSON that cannot end the script element it stands in."""
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))
