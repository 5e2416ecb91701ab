"""What a user names on the command line: folders, tables, several of them; and which one is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from data_prep.databases.errors import DatabaseError
from data_prep.databases.trees import MAX_DEPTH, TABLES, Tree, is_table


def open_places(given: Path | str | Sequence[Path]) -> tuple[Tree, Path | None]:
    """The tree and, where the user named the annotation table itself, that table.

    Parameters
    ----------
    given
        A folder, a table (its folder is then the tree), or several with commas between them: one table, the
        folders of the frames and a `corrections*.csv`, wherever each of them lies.

    Raises
    ------
    DatabaseError
        For a path that is not there, and for several tables.
    """
    paths = places_of(given) if isinstance(given, Path | str) else list(given)
    files = [path for path in paths if path.suffix.lower() in TABLES and not path.is_dir()]
    folders = [path for path in paths if path not in files]
    own = [path for path in files if path.name.lower().startswith("corrections")]
    named = [path for path in files if path not in own]
    for path in files:
        if not path.is_file():
            raise DatabaseError(f"{path}: not a file")
    for path in folders:
        if path.is_file():
            raise DatabaseError(f"{path}: neither a folder nor an annotation table ({', '.join(TABLES)})")
    if len(named) > 1:
        raise DatabaseError(
            f"{len(named)} annotation tables are named, one is read: {', '.join(map(str, named))}"
        )
    tree = Tree.at(*(folders or [files[0].parent]))
    tree.corrections = own[0].absolute() if own else None
    return tree, named[0].absolute() if named else None


def places_of(given: Path | str) -> list[Path]:
    """One path, or several with commas between them; a path with a comma in its name stays whole.

    A comma belongs to a name where the path that has it is there.

    Raises
    ------
    DatabaseError
        Where nothing stands beside a comma.
    """
    whole = Path(given).expanduser()
    if "," not in str(given) or whole.exists():
        return [whole]
    parts, places = str(given).split(","), []
    while parts:
        joined = [(n, Path(",".join(parts[:n]).strip()).expanduser()) for n in range(len(parts), 0, -1)]
        taken, place = next((each for each in joined[:-1] if each[1].exists()), joined[-1])
        if not parts[0].strip():
            raise DatabaseError(
                f"{given}: nothing stands beside a comma; TREE,TABLE or TREE,TREE,TABLE is meant"
            )
        places.append(place)
        parts = parts[taken:]
    return places


def choose_table(tree: Tree, tables: Iterable[str], known: re.Pattern[str], hint: str) -> Path:
    """The annotation table among those found, else one beside the root.

    Tables of known names come first; a single spreadsheet of another name is taken when there is no such.

    Raises
    ------
    DatabaseError
        Where that leaves none or several.
    """
    found = list(tables)
    beside = [] if found else _tables_beside(tree)
    for group in (found, beside):
        fitting = [path for path in group if known.fullmatch(Path(path).name.lower())]
        choice = fitting or [path for path in group if not path.lower().endswith(".csv")]
        if len(choice) == 1:
            return Path(choice[0])
        if choice:
            names = ", ".join(tree.relative(path) for path in choice[:10])
            raise DatabaseError(
                f"{tree.root}: {len(choice)} annotation tables: {names}. "
                "Name the one to use beside the folder, for example casme2=FOLDER,TABLE.xlsx"
            )
    raise DatabaseError(
        f"{tree.root}: no annotation table; looked for {hint} in it, below it and beside it. "
        "Where it lies elsewhere, name both: NAME=FOLDER,TABLE"
    )


def choose_home(tree: Tree, homes: Sequence[str], hint: str) -> str:
    """The one folder with subject folders.

    Raises
    ------
    DatabaseError
        If there are none or several.
    """
    if len(homes) == 1:
        return homes[0]
    if not homes:
        raise DatabaseError(
            f"{tree.root}: no frames; looked for {hint}, at most {MAX_DEPTH} folders below it"
        )
    names = ", ".join(tree.relative(home) for home in homes[:10])
    raise DatabaseError(
        f"{tree.root}: {len(homes)} trees of frames: {names}. Give the folder of the one to use"
    )


def _tables_beside(tree: Tree) -> list[str]:
    parent = Path(tree.root).parent
    try:
        return sorted(str(path) for path in parent.iterdir() if is_table(path.name) and path.is_file())
    except OSError:
        return []
