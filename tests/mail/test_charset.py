"""Texts whose charset nobody says, or says wrongly: guessed from the octets, without an at-sign won or lost where identity hangs on it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.mail import guess
from mailgate.mail.charset import decode
from mailgate.mail.parse import parse

WRITTEN = {
    "koi8-r": ("Принтер не печатает", "Здравствуйте, принтер на третьем этаже не печатает.", "Привет"),
    "cp1251": ("Принтер не печатает", "Здравствуйте, принтер на третьем этаже не печатает.", "Срочно"),
    "cp866": ("Принтер не печатает",),
    "gbk": ("打印机", "您好，三楼的打印机打印空白页，请帮忙看一下。", "你好", "会议邀请"),
    "big5": ("您好，三樓的打印機列印空白頁，請協助。",),
    "shift_jis": ("プリンタの故障", "三階のプリンタが白紙を印刷します。", "テスト"),
    "euc-jp": ("プリンタの故障", "日本語のメール"),
    "euc-kr": ("프린터 고장", "안녕하세요, 3층 프린터가 백지를 인쇄합니다."),
    "iso-8859-7": ("Ο εκτυπωτής στον τρίτο όροφο",),
    "cp1255": ("המדפסת בקומה השלישית",),
    "cp1256": ("الطابعة في الطابق الثالث",),
    "cp874": ("เครื่องพิมพ์ชั้นสาม",),
    "latin-1": ("Störung für Müller", "ÄÖÜ", "Überprüfung", "ça, là-bas", "5 m³ à 3°"),
    "iso-8859-2": ("Proszę o pomoc, drukarka źle działa", "Tiskárna tiskne prázdné stránky, nejlepší přání"),
    "cp1250": ("Proszę o pomoc, drukarka źle działa",),
}
CASES = [(charset, text) for charset, texts in WRITTEN.items() for text in texts]


@pytest.mark.parametrize(("charset", "text"), CASES)
@pytest.mark.parametrize("kind", [b"text/plain", b"text/plain; charset=us-ascii", b"text/plain; charset=x-user-defined"])
def test_a_body_without_a_true_charset_is_read(charset: str, text: str, kind: bytes) -> None:
    assert parse(b"From: a@b.example\r\nContent-Type: " + kind + b"\r\n\r\n" + text.encode(charset)).text == text


@pytest.mark.parametrize(("charset", "text"), CASES)
def test_a_subject_without_a_charset_is_read(charset: str, text: str) -> None:
    assert parse(b"From: a@b.example\r\nSubject: " + text.encode(charset) + b"\r\n\r\nx").subject == text


@pytest.mark.parametrize("text", ["打印机和网络的问题", "Здравствуйте, это проверка"])
def test_octets_that_are_not_the_utf8_they_are_called_are_guessed(text: str) -> None:
    charset = "gbk" if text[0] == "打" else "koi8-r"
    mail = parse(b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode(charset))
    assert mail.text == text


def test_a_declared_charset_that_fits_is_not_doubted() -> None:
    assert decode("Ïðèâåò".encode("cp1252"), "windows-1252") == "Ïðèâåò"


def test_markup_says_its_charset_where_the_part_does_not() -> None:
    markup = '<html><head><meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2"></head><body>dìkuji</body>'
    assert parse(b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n" + markup.encode("latin-1")).text == "děkuji"


def test_seven_bit_japanese_in_a_subject_needs_no_label() -> None:
    assert parse(b"From: a@b.example\r\nSubject: " + "プリンタの故障".encode("iso-2022-jp") + b"\r\n\r\nx").subject == "プリンタの故障"


def test_a_name_of_a_file_in_chinese_needs_no_label() -> None:
    field = 'attachment; filename="打印机报告.pdf"'.encode("gbk")
    mail = parse(b"From: a@b.example\r\nContent-Type: application/pdf\r\nContent-Disposition: " + field + b"\r\n\r\nx")
    assert mail.attachments[0].filename == "打印机报告.pdf"


@pytest.mark.parametrize("char", ["ソ", "Α", "充"])
def test_a_guess_swallows_no_at_sign_and_no_quote_of_a_from(char: str) -> None:
    """The second octets of Shift_JIS may be a backslash or an at-sign: read as such they are, as any strict reader does."""
    octets = ("プリンタ" + char).encode("cp932")
    hidden = parse(b'From: "' + octets + b'@boss.example" <evil@x.example>\r\n\r\nx')
    assert "boss.example" not in [box.address.rpartition("@")[2] for box in hidden.from_]
    swallowed = parse(b"From: ann@example.com\x83\x40evil.example\r\n\r\nx")
    assert swallowed.from_faults != ()


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_every_guess_is_a_codec(octets: bytes) -> None:
    octets.decode(guess.charset(octets), "replace")


def test_guessing_costs_little() -> None:
    start = time.process_time()
    for octets in (b"\xff" * 4_000_000, b"a\xb1" * 2_000_000, b"\x83\x40" * 2_000_000):
        decode(octets)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("label", "charset", "text"),
    [
        ("ISO_8859-1:1987", "latin-1", "grün"),
        ("latin2", "iso8859-2", "zażółć"),
        ("csKOI8R", "koi8-r", "Привет мир"),
        ("x-big5", "big5", "您好世界"),
        ("hebrew", "iso8859-8", "שלום"),
        ("arabic", "iso8859-6", "سلام"),
        ("turkish", "iso8859-9", "ığüş"),
        ("437", "cp437", "grün"),
        ("mac-cyrillic", "mac-cyrillic", "Привет"),
        ("unicode", "utf-16", "grün"),
        ("utf-8", "utf-8-sig", "grün"),
        ("iso-8859-1", "utf-8-sig", "grün"),
        ("utf-16", "utf-16-be", "grün ok"),
        ("utf-16le", "utf-16", "grün ok"),
        ("utf-32", "utf-32", "grün ok"),
    ],
)
def test_a_charset_is_known_by_its_other_names_and_its_byte_order_mark(label: str, charset: str, text: str) -> None:
    assert decode(text.encode(charset), label) == text


@pytest.mark.parametrize(
    ("charset", "text"), [("koi8-r", "Да"), ("iso-8859-2", "Dotaz: síť"), ("windows-1254", "Yazıcı ış"), ("euc-jp", "件名")]
)
def test_a_header_without_a_charset_has_that_of_the_text(charset: str, text: str) -> None:
    octets = text.encode(charset)
    inside = f"Content-Type: text/plain; charset={charset}\r\n\r\nx".encode()
    mail = parse(b'From: "' + octets + b'" <a@b.example>\r\nSubject: ' + octets + b"\r\n" + inside)
    assert (mail.subject, mail.from_[0].name) == (text, text)
    packed = b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n" + inside + b"\r\n--q--\r\n"
    assert parse(b"From: a@b.example\r\nSubject: " + octets + b"\r\n" + packed).subject == text


def test_utf8_in_a_header_stays_utf8_whatever_the_text_is_in() -> None:
    mail = parse("From: a@b.example\r\nSubject: Grüße\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx".encode())
    assert mail.subject == "Grüße"


def test_a_name_in_shift_jis_is_read_although_its_octets_look_like_brackets() -> None:
    mail = parse(b'From: "' + "サポート".encode("shift_jis") + b'" <a@b.example>\r\n\r\nx')
    assert [(box.name, box.address) for box in mail.from_] == [("サポート", "a@b.example")]


@pytest.mark.parametrize("codec", ["euc_jp", "cp932", "utf-8", "iso2022_jp"])
@pytest.mark.parametrize("text", ["このメールは届きませんでした。", "件名：パスワードを再発行してください", "Hello 日本語 mixed です"])
def test_japanese_is_read_whatever_it_is_that_calls_itself_seven_bit(text: str, codec: str) -> None:
    assert decode(text.encode(codec), "iso-2022-jp") == text
