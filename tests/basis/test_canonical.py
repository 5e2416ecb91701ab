"""The pieces of a canonical text are that text."""

from hypothesis import given
from hypothesis import strategies as st

from basis.canonical import Listed, Spelled, canonical, canonical_pieces, digest_of, digest_of_pieces

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.lists(VALUES, max_size=4))
def test_pieces_are_the_whole_text(body: dict[str, object], items: list[object]) -> None:
    assert b"".join(canonical_pieces(body)) == canonical(body)
    assert digest_of_pieces(body) == digest_of(body)
    assert digest_of_pieces({**body, "n": iter(items)}) == digest_of({**body, "n": items})


@given(st.lists(VALUES, max_size=4), st.lists(st.text(), max_size=4))
def test_what_is_made_anew_is_written_as_often_as_it_is_asked_for(
    items: list[object], words: list[str]
) -> None:
    body = {"n": Listed(lambda: iter(items)), "w": Spelled(lambda: iter(words))}
    for _ in range(2):
        assert b"".join(canonical_pieces(body)) == canonical({"n": items, "w": "".join(words)})
