"""A JSON object with its own sha256: any object comes back, no changed byte does."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basis.canonical import Spelled, canonical, digest_of
from basis.signed_json import LONG, NotSigned, read_signed, write_signed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.text().filter(lambda key: key != "sha256"), VALUES, min_size=1, max_size=5)
LAST = {"\U0010ffff": 0}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signed") / "meta.json"


@given(body=BODIES, data=st.data())
@settings(max_examples=50, deadline=None)
def test_an_object_or_some_of_it_comes_back(path: Path, body: dict[str, object], data: st.DataObject) -> None:
    body = body | LAST
    write_signed(path, body)
    assert path.read_bytes() == canonical(body | {"sha256": digest_of(body)})
    assert json.loads(path.read_bytes()) == body | {"sha256": digest_of(body)}
    assert read_signed(path) == body
    wanted = data.draw(st.sets(st.sampled_from(sorted(body)))) | {"of these there is none"}
    assert read_signed(path, wanted) == {key: body[key] for key in body if key in wanted}


@given(body=BODIES, place=st.integers(0), change=st.integers(1, 255))
@settings(max_examples=50, deadline=None)
def test_a_changed_byte_is_noticed(path: Path, body: dict[str, object], place: int, change: int) -> None:
    write_signed(path, body | LAST)
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= change
    path.write_bytes(data)
    with pytest.raises(NotSigned, match=r"meta\.json"):
        read_signed(path)


@given(body=BODIES, length=st.integers(0))
@settings(max_examples=30, deadline=None)
def test_a_file_cut_short_is_noticed(path: Path, body: dict[str, object], length: int) -> None:
    write_signed(path, body | LAST)
    data = path.read_bytes()
    path.write_bytes(data[: length % len(data)])
    with pytest.raises(NotSigned):
        read_signed(path)


@pytest.mark.parametrize("text", [b"[]", b"{}", b"null", b'{"sha256":1}', b"\xff\xfe", b'{"a":"\\', b"]]}}"])
def test_what_is_no_such_object_is_refused(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(NotSigned):
        read_signed(path)


def test_a_long_word_is_given_as_it_lies_there(path: Path) -> None:
    write_signed(path, {"word": Spelled(lambda: iter(["ab"] * LONG)), "z": ["ab" * LONG]})
    assert read_signed(path) == {"word": b"ab" * LONG, "z": ["ab" * LONG]}
