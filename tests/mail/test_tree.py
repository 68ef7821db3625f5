"""Whatever is split by plain searches is what the standard library reads line by line."""

from __future__ import annotations

import base64
from email import message_from_bytes, message_from_string
from email.message import Message

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailgate.mail import body
from mailgate.mail.tree import flawless, tree

Sketch = tuple[list[tuple[str, str]], object, list[str]]

# Lines that change how a mail is read, wherever they stand.
LINES = (
    "--b", "--b--", "--b ", "--b-- \t", "--bb", "--bb--", "--b x", "--b--x", "--", "", "", "text", " folded", "From ann", ":", "A : b",
    "Content-Type: message/rfc822", "Content-Type: multipart/digest; boundary=b", "Content-Transfer-Encoding: base64", "\udcff", "A:\t b ",
)  # fmt: skip
ENDS = ("\n", "\r\n", "\r", "\r\r\n", "")


@st.composite
def part(draw: st.DrawFn, depth: int = 0) -> str:
    """A part as mail programs write it, its container's boundary not included."""
    if depth > 2 or draw(st.booleans()):
        return "Content-Type: text/plain\n\n" + draw(st.text("a\n -\r", max_size=12))
    mark = draw(st.sampled_from(("b", "bb", "b--", "c d", "=_1", "b-1")))
    parts = "".join(f"--{mark}{draw(st.sampled_from(('', ' ')))}\n{draw(part(depth + 1))}\n" for _ in range(draw(st.integers(1, 3))))
    kind = draw(st.sampled_from(("mixed", "alternative", "related", "digest")))
    above, below = draw(st.sampled_from(("", "above\n"))), draw(st.sampled_from(("", "\n", "\nbelow\n")))
    return f'Content-Type: multipart/{kind}; boundary="{mark}"\n\n{above}{parts}--{mark}--{below}'


def sketch(message: Message) -> list[Sketch]:
    """All that is ever asked of a tree."""
    return [
        (list(one.raw_items()), None if one.is_multipart() else one.get_payload(), [type(defect).__name__ for defect in one.defects])
        for one in message.walk()
    ]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A mail as mail programs write it, with a few lines put in and line ends changed."""
    lines = draw(part()).splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 3))):
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(LINES)) + draw(st.sampled_from(ENDS)))
        changed = draw(st.integers(0, len(lines) - 1))
        lines[changed] = lines[changed].rstrip("\r\n") + draw(st.sampled_from(ENDS))
    return "".join(lines)


@given(text=damaged())
@example(text="Content-Type: multipart/digest; boundary=b\n\n--b\nA: b\n\nC: d\n\ntext\n--b--\n")
@example(text="A: b\n\n")
@example(text="Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\n\n--b--\n")
@example(text="Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\n\ntext\n--bb\n--b--\n")
@example(text='Content-Type: multipart/mixed; boundary=""\n\n--\nA: b\n\ntext\n----\n')
def test_a_tree_of_searches_is_that_of_the_standard_library(text: str) -> None:
    quick = flawless(text)
    assert quick is None or sketch(quick) == sketch(message_from_string(text))


@given(text=part(), crlf=st.booleans())
def test_mails_of_several_parts_are_split_as_the_standard_library_splits_them(text: str, crlf: bool) -> None:
    text = text.replace("\n", "\r\n") if crlf else text
    quick = flawless(text)
    assert quick is None or sketch(quick) == sketch(message_from_string(text))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_usual_mail_needs_no_reading_line_by_line(end: str) -> None:
    inner = 'Content-Type: multipart/alternative;\n boundary="i"\n\n--i\nA: b\n\nplain\n\n--i\nA: c\n\n<p>\n--i--\n'
    text = f'Subject: x\nContent-Type: multipart/mixed; boundary="o"\n\nabove\n--o\n{inner}\n--o\nA: d\n\nfile\n--o--\nbelow\n'.replace(
        "\n", end
    )
    quick = flawless(text)
    assert quick is not None
    assert [one.get_payload() for one in quick.walk() if not one.is_multipart()] == [f"plain{end}", "<p>", "file"]
    assert sketch(quick) == sketch(message_from_string(text))


@pytest.mark.parametrize(
    "text",
    [
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\n\ntext\n",
        "Content-Type: multipart/mixed\n\n--b\nA: b\n\ntext\n--b--\n",
        "Content-Type: message/rfc822\n\nSubject: inner\n\ntext\n",
        "Subject: x\nno field\n\ntext\n",
        "text without a header\n",
        "",
    ],
)
def test_what_is_unusual_is_left_to_the_standard_library(text: str) -> None:
    assert flawless(text) is None
    raw = text.encode()
    assert len(list(tree(raw).walk())) == len(list(message_from_bytes(raw).walk()))


@pytest.mark.parametrize("mark", ["-" * 60, "a", "-" * 60 + "b"])
def test_a_megabyte_of_boundaries_costs_no_more_than_the_standard_library_does(mark: str) -> None:
    text = (
        f'Content-Type: multipart/mixed; boundary="{mark}"\n\n'
        + f"--{mark}\nA: b\n\nx\n" * (1_000_000 // (len(mark) + 10))
        + f"--{mark}--\n"
    )
    quick = flawless(text)
    assert quick is not None
    assert len(quick.get_payload()) == 1_000_000 // (len(mark) + 10)


def stdlib_octets(coding: str, payload: str) -> bytes:
    part = Message()
    part["Content-Transfer-Encoding"] = coding
    part.set_payload(payload)
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets


SIGNS = st.text("QUJD=+/ \r\n-\t!\u00e9", max_size=30)
SOUND = st.binary(max_size=200).map(lambda octets: base64.encodebytes(octets).decode())


@given(
    payload=SIGNS | SOUND | st.tuples(SOUND, SIGNS).map("".join), coding=st.sampled_from(("base64", "BASE64 ", "quoted-printable", "7bit"))
)
@example(payload="QQ==\nQUJD", coding="base64")
@example(payload="QUJD=", coding="base64")
@example(payload="QQ", coding="base64")
def test_a_part_stands_for_the_octets_that_the_standard_library_finds(payload: str, coding: str) -> None:
    part = Message()
    part["Content-Transfer-Encoding"] = coding
    part.set_payload(payload)
    assert body.part_octets(part) == stdlib_octets(coding.strip().lower(), payload)


@given(octets=st.binary(max_size=200), end=st.sampled_from(("", "\n", "\r\n")))
def test_sound_base64_is_decoded_at_once(octets: bytes, end: str) -> None:
    payload = base64.encodebytes(octets).decode().replace("\n", end)
    assert body._exact_base64(payload) == octets
    assert body._exact_base64(f"{payload}!") is None
