"""`python -m benchmark` and `tlcnn-bench`."""

import sys

from basis.processor import pin


def main() -> int:
    """Pin what must be set before numpy is loaded, then run the command."""
    pin()
    from benchmark.cli import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
