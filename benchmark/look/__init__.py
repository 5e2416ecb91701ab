"""Look at a database: every clip playing, its movement magnified, and what the preparation made of it."""

from benchmark.look.write import look

__all__ = ["look"]
