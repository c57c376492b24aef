"""Ids and other text, as SQLite can store them."""

import sqlite3

from hypothesis import example, given, strategies as st

from modelgates_client.ledger.text_encoding import decode_id, encode_id, replace_surrogates

any_text = st.text(st.characters(exclude_categories=[])) | st.from_regex(r"escaped:.*")


@given(any_text)
@example("escaped:")
@example("escaped:\\ud800")
@example("\ud800\\ud800")
@example("\ud83d\ude00")
def test_any_id_round_trips(text):
    """UTF-8 can encode the stored form, and no two ids share one."""
    assert decode_id(encode_id(text)) == text
    connection = sqlite3.connect(":memory:")
    (stored,) = connection.execute("SELECT ?", (encode_id(text),)).fetchone()
    connection.close()
    assert decode_id(stored) == text


@given(any_text)
def test_each_surrogate_in_other_text_becomes_a_question_mark(text):
    """None stays None."""
    expected = "".join("?" if "\ud800" <= char <= "\udfff" else char for char in text)
    assert replace_surrogates(text) == expected
    assert replace_surrogates(None) is None


def test_most_ids_are_stored_unchanged():
    """Other programs that read the file find them."""
    for text in ("gen-1771967973-0hZ8J5kY7qLMOKbPx0u3", "", "é😀\0"):
        assert encode_id(text) == text
    assert encode_id("\ud800") == "escaped:\\ud800"
