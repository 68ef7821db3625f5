"""The places of tables, keys and elements in a TOML text."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.config.lines import Path, places

TEXT = '''# a comment = "with a key"
top = 1
"quoted key".dotted = """one
two "quoted" three"""""
[table] # a comment
list = [1, # ]
  2,
  { x = "]}", 'y' = [ {z = 1}, {z = 2} ] },
]
[[array]]
name = 'ends with a backslash\\'
[[array]]
name = "escaped \\" quote # ="
[array.below]
when = 2026-12-24 12:00:00
empty = ''
blank = ""
[[array.below.deep]]
key = 1
["\\u0041"]
key = \'\'\'

last\'\'\'
end = true
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted key", "dotted"), 3),
        (("table",), 5),
        (("table", "list"), 6),
        (("table", "list", 1), 7),
        (("table", "list", 2, "x"), 8),
        (("table", "list", 2, "y", 1, "z"), 8),
        (("array", 0), 10),
        (("array", 0, "name"), 11),
        (("array", 1, "name"), 13),
        (("array", 1, "below"), 14),
        (("array", 1, "below", "when"), 15),
        (("array", 1, "below", "blank"), 17),
        (("array", 1, "below", "deep", 0, "key"), 19),
        (("A", "key"), 21),
        (("A", "end"), 24),
    ],
)
def test_each_key_is_found_on_its_line(path: Path, line: int) -> None:
    assert places(TEXT)[path] == line


def test_every_place_is_one_of_a_value_that_tomllib_reads() -> None:
    for path in places(TEXT):
        value: object = tomllib.loads(TEXT)
        for key in path:
            value = value[key]  # type: ignore[index]


# One value in each way in which it can be written, and how many lines that takes beyond its first.
VALUES = [
    ("1", 0), ("-1.5e3", 0), ("true", 0), ("2026-12-24", 0), ('"a # b"', 0), ('"\\\\"', 0), ("'c:\\'", 0), ('""', 0), ('"""x\ny"""', 1),
    ("'''\n'''", 1), ('"""a\\\n  b"""', 1), ('""""x""""', 0), ("[]", 0), ("[1,\n# ] \n2]", 2), ('[["a"], [\n]]', 1), ("{}", 0),
    ('{ a = "}", b.c = [1] }', 0),
]  # fmt: skip


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(VALUES), st.integers(0, 2)), max_size=12))
def test_a_key_is_found_whatever_stands_above_it(entries: list[tuple[bool, tuple[str, int], int]]) -> None:
    text, line, table = "", 1, 0
    expected: dict[Path, int] = {}
    for number, (header, (value, more), blank) in enumerate(entries):
        text += "\n" * blank
        line += blank
        if header:
            table += 1
            text += "[[t]] # [x]\n"
            line += 1
        path: Path = ("t", table - 1, f"k{number}") if table else (f"k{number}",)
        expected[path] = line
        text += f"  k{number} = {value} # = 1\n"
        line += 1 + more
    tomllib.loads(text)
    found = places(text)
    assert {path: found.get(path) for path in expected} == expected
