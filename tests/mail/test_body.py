"""Which parts are text and which are files, and what the files are called."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mailgate.mail import body
from mailgate.mail.body import safe_name
from mailgate.mail.charset import decode
from mailgate.mail.html import render
from mailgate.mail.parse import parse

CORPUS = Path(__file__).parents[1] / "corpus"
HEAD = b"From: ann@example.com\r\n"


def multipart(kind: str, *children: bytes) -> bytes:
    body = b"".join(b"--bb\r\n" + child + b"\r\n" for child in children)
    return f"Content-Type: multipart/{kind}; boundary=bb\r\n\r\n".encode() + body + b"--bb--\r\n"


def part(content_type: str, text: str, *fields: str) -> bytes:
    return "\r\n".join((f"Content-Type: {content_type}", *fields, "", text)).encode()


def test_the_text_of_an_attached_mail_is_not_this_mails_text() -> None:
    mail = parse((CORPUS / "forward-as-attachment.eml").read_bytes())
    assert mail.text == "Is this one of yours?"
    assert [one.content_type for one in mail.attachments] == ["message/rfc822"]


def test_of_alternatives_the_plain_one_is_the_text() -> None:
    mail = parse(HEAD + multipart("alternative", part("text/plain", "plain"), part("text/html", "<b>rich</b>")))
    assert (mail.text, mail.html) == ("plain", "<b>rich</b>")


def test_a_blank_plain_alternative_leaves_the_word_to_the_html() -> None:
    mail = parse(HEAD + multipart("alternative", part("text/plain", " \r\n"), part("text/html", "<p>rich</p>")))
    assert mail.text == "rich"


def test_several_text_parts_in_a_row_are_all_text() -> None:
    mail = parse(HEAD + multipart("mixed", part("text/plain", "first"), part("text/plain", "second"), part("text/html", "<p>third</p>")))
    assert mail.text.split() == ["first", "second", "third"]


def test_a_named_text_part_without_disposition_is_the_text_if_there_is_no_other() -> None:
    assert parse(HEAD + part('text/plain; name="note.txt"', "hello")).text == "hello"
    both = parse(HEAD + multipart("mixed", part("text/plain", "hello"), part('text/plain; name="note.txt"', "file")))
    assert (both.text, [one.filename for one in both.attachments]) == ("hello", ["note.txt"])


def test_a_text_part_marked_as_attachment_is_a_file() -> None:
    log = part("text/plain", "boom", 'Content-Disposition: attachment; filename="app.log"')
    mail = parse(HEAD + multipart("mixed", part("text/plain", "see log"), log))
    assert mail.text == "see log"
    assert (mail.attachments[0].sha256, mail.attachments[0].size) == (hashlib.sha256(b"boom").hexdigest(), 4)


def test_pictures_of_a_related_set_are_inline_files() -> None:
    picture = part("image/png", "xx", "Content-ID: <logo@x>", 'Content-Disposition: inline; filename="logo.png"')
    mail = parse(HEAD + multipart("related", part("text/html", "<p>hi</p>"), picture))
    assert [(one.filename, one.inline, one.content_id) for one in mail.attachments] == [("logo.png", True, "logo@x")]


def test_a_signed_mail_has_its_text_and_its_signature() -> None:
    mail = parse(HEAD + multipart("signed", part("text/plain", "words"), part("application/pkcs7-signature; name=smime.p7s", "xx")))
    assert (mail.text, [one.filename for one in mail.attachments]) == ("words", ["smime.p7s"])


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("filename*=utf-8''%C3%84rger.pdf", "Ärger.pdf"),
        ("filename*0*=utf-8''%C3%84r; filename*1=ger.pdf", "Ärger.pdf"),
        ('filename="=?utf-8?q?=C3=84rger.pdf?="', "Ärger.pdf"),
        ('filename="Ärger.pdf"', "Ärger.pdf"),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\\\boot.ini"', "boot.ini"),
    ],
)
def test_file_names_are_decoded_and_lose_their_path(field: str, name: str) -> None:
    mail = parse(HEAD + part("application/pdf", "x", f"Content-Disposition: attachment; {field}"))
    assert mail.attachments[0].filename == name


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("\u200b.htaccess", "htaccess"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("a\r\nb.txt", "a b.txt"),
        ("..", "part-7.pdf"),
        ("", "part-7.pdf"),
        ("\uff0e\uff0e\uff0fx", "_x"),
        ("x" * 5000 + ".pdf", "x" * 176 + ".pdf"),
    ],
)
def test_file_names_are_harmless(given: str, safe: str) -> None:
    assert safe_name(given, "application/pdf", 7) == safe


@pytest.mark.parametrize(
    ("octets", "declared", "text"),
    [
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), "utf-8", "Grüße"),
        ("Grüße".encode(), "klingon", "Grüße"),
        ("プリンタ".encode("cp932"), "x-sjis", "プリンタ"),
        ("สวัสดี".encode("cp874"), "windows-874", "สวัสดี"),
        ("你好".encode("gb18030"), "gb2312", "你好"),
        ("привет".encode("koi8-r"), "KOI8-R", "привет"),
        ("プリンタ".encode("iso2022_jp"), "ISO-2022-JP", "プリンタ"),
        (b"\\x41", "unicode_escape", "\\x41"),
        (b"abc", "utf-32LE", "abc"),
    ],
)
def test_charsets_are_trusted_as_far_as_they_fit(octets: bytes, declared: str, text: str) -> None:
    assert decode(octets, declared) == text


def test_seven_bit_japanese_is_decoded() -> None:
    mail = parse((CORPUS / "japanese-seven-bit.eml").read_bytes())
    assert mail.text == "プリンターが動きません。"
    assert mail.from_[0].name == "桜井"


def test_flowed_lines_become_paragraphs() -> None:
    mail = parse(HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\none \r\ntwo\r\n> old \r\n> words\r\n-- \r\nAnn\r\n")
    assert mail.text.rstrip().split("\n") == ["one two", "> old words", "-- ", "Ann"]


def test_html_becomes_text_with_links_and_without_what_is_hidden() -> None:
    text = render('<style>p{}</style><p>See <a href="https://example.com/a">the page</a></p><div style="display:none">spy</div>')
    assert "See the page <https://example.com/a>" in text
    assert "spy" not in text
    assert "p{}" not in text


def test_of_many_texts_no_more_is_decoded_than_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    monkeypatch.setattr(body, "decode", lambda octets, charset: decoded.append(len(octets)) or decode(octets, charset))
    raw = HEAD + multipart("mixed", *[part("text/plain", "some words of the text\r\n" * 5_000)] * 40)
    read = parse(raw)
    assert (len(read.text), read.attachments) == (body.MAX_TEXT, ())
    # Line ends count as one octet of what is kept.
    assert body.MAX_TEXT < sum(decoded) <= 2.2 * body.MAX_TEXT
