"""What the system refuses, in one line that names the place and what would be right."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from basis.errors import FULL, no_room

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_A_FILE = "a file stands where a folder is needed; move it away, or name another place"
_REMEDIES = {
    errno.EEXIST: _A_FILE,
    errno.ENOTDIR: _A_FILE,
    errno.EISDIR: "a folder stands where a file is needed; move it away, or name another place",
    errno.ENOENT: "is not there, and cannot be made; check the path",
    errno.EACCES: "permission denied; name another place, or change who may read and write there",
    errno.EPERM: "not permitted by the system; name another place",
    errno.EROFS: "lies on a read-only file system; name a place that can be written",
    errno.ENAMETOOLONG: "the name is too long for this file system; name a shorter one",
    errno.ELOOP: "its symbolic links lead in a circle; name another place",
}


def in_one_line(error: OSError) -> str | None:
    """The message for the user; None when the error is of no path and no disk, so nobody's but ours."""
    # of a rename, the second name is the one that was asked for
    name = error.filename2 or error.filename
    if error.errno in FULL:
        return f"{f'{name}: ' if name else ''}{no_room(error)}"
    if error.errno in _NO_LOCKS:
        return (
            f"{f'{name}: ' if name else ''}the file system gives no locks ({error.strerror}), as some of "
            "networks do; name a folder on a local disk with --out and --cache"
        )
    if not isinstance(name, str | os.PathLike):
        return None
    remedy = _REMEDIES.get(error.errno or 0)
    where = _no_folder(Path(name)) if remedy == _A_FILE else name
    return remedy and f"{where}: {remedy}"


def _no_folder(path: Path) -> Path:
    """The first part of the path that is there and is no folder."""
    parts = (*reversed(path.parents), path)
    return next((part for part in parts if not part.is_dir() and (part.is_symlink() or part.exists())), path)
