from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.desk.letters import Name
from mailgate.mail.compose import Draft, Enclosure, compose
from mailgate.mail.letters import Content
from mailgate.mail.slim import slim

NEW = "o7.0.abcdef@desk.example"
FILES = (
    Enclosure("report.pdf", "application/pdf", b"%PDF" * 900),
    Enclosure("übersicht für alle.txt", "text/plain", b"\r\n--=_x\r\n" * 50),
)


def letter(
    *files: Enclosure, text: str = "Hello\n\n-- \nDesk\n", html: str = "<html><body><p>Hi</p></body></html>", language: str = "en"
) -> bytes:
    return compose(Draft(
        "Desk", "desk@desk.example", "Ann", "ann@out.example", "i17.0.abcdef@desk.example", datetime(2026, 3, 2, tzinfo=UTC), Name.REPLY,
        Content("[MG-1] Printer", text, html, language), reply_to="desk+t.1.mac@desk.example", in_reply_to="m1@mua.example",
        references=("t.1.mac@desk.example", "m1@mua.example"), ticket=1, loop="0123456789abcdef.1", language=language, attachments=files,
    ))  # fmt: skip


def read(octets: bytes | None) -> EmailMessage:
    assert octets is not None
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_slim_letter_has_no_attachments_and_names_them_above_the_signature() -> None:
    message = read(slim(letter(*FILES), NEW))
    assert list(message.iter_attachments()) == []
    text = content(message, "plain")
    line = "Left out, because the letter was too big for a mail server on its way: report.pdf, übersicht für alle.txt"
    assert text.index("Hello") < text.index(line) < text.index("\n-- \n")
    assert line in content(message, "html")


def test_it_is_the_same_letter_but_for_its_message_id() -> None:
    whole, rest = read(letter(*FILES)), read(slim(letter(*FILES), NEW))
    assert rest["Message-ID"] == f"<{NEW}>"
    for name in whole:
        if name not in ("Message-ID", "Content-Type"):
            assert rest[name] == whole[name], name
    assert list(rest.keys()) == list(whole.keys())


def test_a_german_letter_says_it_in_german() -> None:
    assert "Nicht beigelegt" in content(read(slim(letter(*FILES, language="de"), NEW)), "plain")


def test_a_letter_in_a_language_without_words_says_it_in_english() -> None:
    assert "Left out" in content(read(slim(letter(*FILES, language="fr"), NEW)), "plain")


def test_a_letter_without_attachments_has_nothing_to_leave_out() -> None:
    assert slim(letter(), NEW) is None


def test_a_slim_letter_cannot_be_made_slimmer() -> None:
    octets = slim(letter(*FILES), NEW)
    assert octets is not None
    assert slim(octets, NEW) is None


@pytest.mark.parametrize(
    "octets", [b"", b"\r\n\r\n", b"Subject: x\r\n\r\nhello", b'Content-Type: multipart/mixed;\r\n boundary="x"\r\n\r\n--x--']
)
def test_what_is_no_letter_of_ours_is_left_alone(octets: bytes) -> None:
    assert slim(octets, NEW) is None


def test_a_message_id_that_is_none_makes_no_letter() -> None:
    assert slim(letter(*FILES), "no id at all\r\nBcc: eve@out.example") is None


TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


@given(text=TEXT, html=TEXT, name=TEXT, octets=st.binary(max_size=200))
def test_whatever_the_letter_says_its_words_survive_and_its_octets_stay_seven_bit_with_crlf(
    text: str, html: str, name: str, octets: bytes
) -> None:
    whole = letter(Enclosure(name, "application/x-any", octets), text=text, html=f"<p>{html}</p>")
    rest = slim(whole, NEW)
    assert rest is not None
    assert rest.isascii()
    assert rest.count(b"\r\n") == rest.count(b"\n") == rest.count(b"\r")
    assert max(map(len, rest.split(b"\r\n"))) <= 998
    before, after = content(read(whole), "plain"), content(read(rest), "plain")
    assert after.replace("\n", "").startswith(before.replace("\n", "").partition("-- ")[0][:50])
    assert "Left out" in after
