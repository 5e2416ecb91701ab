"""Frames as files hold them: pictures and videos, bounded, read and judged; damage is named with its file."""
