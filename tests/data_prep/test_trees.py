"""A database's folders: what is remembered of them stays little."""

from pathlib import Path

from data_prep.databases.trees import MOST_FOLDERS, Tree


def test_a_folder_is_read_again_after_many_others(tmp_path: Path) -> None:
    folders = [tmp_path / f"{i}" for i in range(MOST_FOLDERS + 1)]
    for folder in folders:
        folder.mkdir()
        (folder / "img1.jpg").touch()
    tree = Tree.at(tmp_path)
    first, second = str(folders[0]), str(folders[1])
    assert list(tree.frames(first)) == list(tree.frames(second)) == [1]
    for folder in (folders[0], folders[1]):
        (folder / "img2.jpg").touch()
    assert list(tree.frames(first)) == [1], "the last folders are remembered"
    for folder in [folders[0], *folders[2:]]:
        tree.frames(str(folder))
    assert list(tree.frames(first)) == [1], "it was asked for before the others"
    assert list(tree.frames(second)) == [1, 2]
