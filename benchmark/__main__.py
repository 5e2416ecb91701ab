"""`python -m benchmark`."""

import sys
from pathlib import Path

from benchmark.shadows import put_ours_first

if __name__ == "__main__":
    put_ours_first(Path(__file__).resolve().parent.parent)
    from benchmark.cli import main

    sys.exit(main())
