"""From the user's databases to memory-mapped, aligned, equally long clips."""

from basis.moved import Moved

Moved(
    {
        "data_prep.frame_files": "data_prep.frames.files",
        "data_prep.frame_sources": "data_prep.frames.sources",
        "data_prep.pictures": "data_prep.frames.pictures",
        "data_prep.video": "data_prep.frames.video",
    }
).install()
"""What databases of other packages import: where frames lie, and the error that names a file."""
