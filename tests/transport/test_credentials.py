"""Which forms of an API key are masked, and where the limits are."""

import urllib.parse

import pytest

from modelgates_client.transport.credentials import _MASK, _WITHHELD, Secret

KEY = "SK-mg-0123456789abcdef&x"  # 24 characters: each half is a secret, too
SEARCHED = 256 * 1024

ENCODED = {
    "JSON": KEY.replace("m", r"\u006d").replace("K", r"\u004B"),
    "JSON in JSON": KEY.replace("m", r"\\u006d"),
    "HTML": KEY.replace("m", "&#109;"),
    "HTML in JSON": KEY.replace("m", r"\u0026#109;"),
    "URL": urllib.parse.quote(KEY),
    "half of it": KEY[:12].replace("m", "%6d"),
    "backslashes": KEY.replace("m", r"\m"),
    "UTF-16": "\0".join(KEY),
}


@pytest.mark.parametrize("length", [8, 9, 23])
def test_a_key_of_eight_characters_is_masked(length):
    """In a text and in a body, wherever it is."""
    key = KEY[:length]
    assert Secret(key).masked(f"not {key}, {key}") == f"not {_MASK}, {_MASK}"
    assert Secret(key).masked_bytes(f"not {key}".encode()) == f"not {_MASK}".encode()


def test_a_shorter_key_would_match_words():
    """So it is not masked, nor looked for in encoded text."""
    assert Secret("A stub!").masked("A stub!, A%20stub!") == "A stub!, A%20stub!"


@pytest.mark.parametrize("half", [KEY[:12], KEY[12:], KEY[:12].lower()])
def test_half_of_a_long_key_is_masked(half):
    """Cut by a server or a log; half of a shorter key is not long enough to be a secret."""
    assert Secret(KEY).masked(f"not {half}!") == f"not {_MASK}!"
    assert Secret(KEY[1:]).masked(f"not {half[1:]}!") == f"not {half[1:]}!"


def test_a_third_of_a_key_is_not_masked():
    """Only both halves are looked for."""
    assert Secret(KEY * 2).masked(KEY[:16]) == KEY[:16]


@pytest.mark.parametrize("text", ENCODED.values(), ids=ENCODED)
def test_a_text_with_the_encoded_key_is_withheld(text):
    """It cannot be masked, as the key is not there in its own characters."""
    assert Secret(KEY).masked(f"not {text}") == _WITHHELD
    assert Secret(KEY).masked_bytes(f"not {text}".encode("latin-1")) == _WITHHELD.encode()


@pytest.mark.parametrize("text", ["100 % & \\ \0", r"\u0041", "&amp;%20", "no key"])
def test_other_text_is_returned_unchanged(text):
    """Escapes alone are no reason to withhold a text; a body is the same object."""
    content = text.encode()
    assert Secret(KEY).masked(text) == text
    assert Secret(KEY).masked_bytes(content) is content


def test_a_text_that_cannot_be_decoded_is_withheld():
    """An HTML entity may have too many digits for Python to convert."""
    assert Secret(KEY).masked(f"&#{'9' * 5000};") == _WITHHELD


def test_the_first_256_kibi_characters_are_searched_for_an_encoded_key():
    """The last of them, too. Decoding takes time, so a hostile server decides no more of it."""
    encoded = "".join(f"&#{ord(letter)};" for letter in KEY)
    assert Secret(KEY).masked(encoded.rjust(SEARCHED)) == _WITHHELD
    assert Secret(KEY).masked(" " * SEARCHED + encoded).endswith(encoded)
