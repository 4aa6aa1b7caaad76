"""Names of files that any file system takes."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from bench.core.files import file_name_of, is_image_name, printable

# Of characters and names that NTFS, exFAT or APFS refuse, or that Unix gives a meaning.
ODD = [
    "bpg:bits=10", "bpg@bits=10", "bpg%3Abits=10", "a/b", "a\\b", "50%", "what?", "a*", "<img>", 'say "hi"',
    "a|b", "con", "NUL", "com1.txt", "CONsole", ".hidden", "ends.", "ends ", "two\nlines", "line\u2028sep",
    "tab\t", "\x7f", "ümlaut", "日本語", "x" * 400, "x" * 401, "~", "a~b", "", "caf\udce9",
]  # fmt: skip
RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


@pytest.mark.parametrize("name", ODD)
def test_any_file_system_takes_it(name: str) -> None:
    made = file_name_of(name) + ".jsonl"
    assert not set('<>:"/\\|?*') & set(made)
    assert all(character.isprintable() for character in made)
    assert len(made.encode()) <= 255  # which also refuses lone surrogates
    assert (not RESERVED.match(made) and not made.startswith(".")) or name == ""
    assert not file_name_of(name).endswith((" ", "."))


def test_no_two_names_share_a_file() -> None:
    for one, other in combinations(ODD, 2):
        assert file_name_of(one).lower() != file_name_of(other).lower(), (one, other)


def test_plain_names_stay_as_they_are() -> None:
    for name in ("ainn", "jpeg-mozjpeg", "clic2025-valid-folder", "mbt2018-mean", "my codec 2.0", "x+y=z"):
        assert file_name_of(name) == name


def test_images_by_their_suffix_but_no_hidden_files() -> None:
    assert is_image_name("A.PNG") and is_image_name("a.b.jpeg")
    assert not is_image_name("._a.png") and not is_image_name(".png") and not is_image_name("a.png.txt")


def test_a_name_that_is_no_utf8_can_be_printed() -> None:
    assert printable("caf\udce9.png") == "caf\\xe9.png"
    assert printable("café.png") == "café.png"
