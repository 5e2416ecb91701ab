"""`python -m benchmark` and `tlcnn-bench`."""

import sys
from pathlib import Path

from benchmark.shadows import put_ours_first


def main() -> int:
    """Pin what must be set before numpy is loaded, then run the command."""
    from basis.processor import pin

    pin()
    from benchmark.cli import main as command

    return command()


if __name__ == "__main__":
    put_ours_first(Path(__file__).resolve().parent.parent)
    sys.exit(main())
