"""MMI (Pantic et al. 2005): peak frames that the user saved as pictures, named by a CSV."""

from __future__ import annotations

from data_prep.databases.photographs import ByMapping
from data_prep.databases.source import Published

SOURCE = ByMapping("mmi", published=Published("the paper's count", total=176))
