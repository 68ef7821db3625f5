"""Is a picture well-formed SVG that shows its numbers, and says them to who cannot see it?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mailgate.mail import charts

SVG = "{http://www.w3.org/2000/svg}"
DAYS = ("2 Mar", "3 Mar", "4 Mar")


def read(svg: str) -> etree._Element:
    """The picture as a page has it."""
    return etree.fromstring(str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def test_a_column_is_as_high_as_its_number() -> None:
    svg = read(charts.columns("came", "Tickets", "Six came.", DAYS, ("came", "one", (4, 0, 2)), ("solved", "two", (1, 1, 1))))
    high = {tone: [float(one.get("height", "")) for one in svg.iter(f"{SVG}rect") if one.get("class") == tone] for tone in ("one", "two")}
    # The axis ends at four, so that the column of four is as high as the picture allows, less the rim and the labels.
    assert high["one"] == [190 - 10 - 24, (190 - 10 - 24) / 2]
    assert high["two"] == [high["one"][0] / 4] * 3
    assert [one.text for one in svg.iter(f"{SVG}title")][1:] == [
        "2 Mar: 4 came, 1 solved", "3 Mar: 0 came, 1 solved", "4 Mar: 2 came, 1 solved",
    ]  # fmt: skip


def test_a_picture_has_a_name_and_says_what_it_shows() -> None:
    svg = read(charts.curve("open", "Open tickets", "From 3 to 5.", DAYS, ("open", "one", (3, 4, 5))))
    assert svg.get("role") == "img"
    assert [svg.find(f"*[@id='{key}']").text for key in svg.get("aria-labelledby", "").split()] == ["Open tickets", "From 3 to 5."]


@pytest.mark.parametrize(
    ("most", "ticks"),
    [(0, (0, 1)), (1, (0, 1)), (3, (0, 1, 2, 3)), (7, (0, 2, 4, 6, 8)), (101, (0, 50, 100, 150)), (4000, (0, 1000, 2000, 3000, 4000))],
)
def test_an_axis_has_round_numbers(most: int, ticks: tuple[int, ...]) -> None:
    assert charts.scale(most) == ticks


def test_the_last_label_ends_with_the_picture() -> None:
    labels = [f"{day} Nov" for day in range(1, 32)]
    svg = read(charts.columns("a", "Tickets", "Many.", labels, ("came", "one", [1] * 31)))
    last = [one for one in svg.iter(f"{SVG}text") if "Nov" in (one.text or "")][-1]
    assert (last.text, last.get("x"), last.get("text-anchor")) == ("31 Nov", "420", "end")


def test_a_bar_has_its_parts_one_after_the_other() -> None:
    svg = read(charts.bar((3, "good"), (0, "soft"), (1, "bad"), of=8))
    assert [(one.get("class"), one.get("x"), one.get("width")) for one in svg] == [("good", "0", "37.5"), ("bad", "37.5", "12.5")]
    assert svg.get("aria-hidden") == "true"


@given(st.lists(st.tuples(st.text(max_size=9), st.integers(0, 10**9)), max_size=60), st.text(max_size=20))
def test_whatever_is_shown_the_picture_is_well_formed_and_keeps_inside_its_frame(values: list[tuple[str, int]], words: str) -> None:
    known = [("".join(sign for sign in label if sign.isprintable()), value) for label, value in values]
    words = "".join(sign for sign in words if sign.isprintable())
    labels, numbers = [label for label, _ in known], [value for _, value in known]
    for svg in (
        charts.columns("a", words, words, labels, (words, "one", numbers)),
        charts.curve("b", words, words, labels, (words, "one", numbers)),
    ):
        drawn = read(svg)
        for one in drawn.iter(f"{SVG}rect"):
            x, y, wide, high = (float(one.get(name, "")) for name in ("x", "y", "width", "height"))
            assert x >= 0
            assert y >= 0
            assert x + wide <= 420.2
            assert y + high <= 190.2


def test_words_in_a_picture_are_no_markup() -> None:
    svg = charts.columns("a", "<script>", "</svg>", ('"><b>',), ("<i>", "one", (1,)))
    assert "<script>" not in svg
    assert "<b>" not in svg
    assert "<i>" not in svg
    assert svg.count("</svg>") == 1


def test_without_numbers_there_is_an_empty_picture() -> None:
    assert read(charts.columns("a", "Tickets", "None.", (), ("came", "one", ()))) is not None
    assert read(charts.curve("a", "Tickets", "None.", (), ("came", "one", ()))) is not None
