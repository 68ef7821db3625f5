"""What is packed inside a part comes out of it: winmail.dat, uuencoded files, PGP's armour, S/MIME's, invitations."""

from __future__ import annotations

import base64
import binascii
import struct
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.mail import armour, cms, invitation, tnef
from mailgate.mail.parse import parse

HEAD = b"From: Ann <ann@example.com>\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
INNER = b"Content-Type: text/plain; charset=utf-8\r\n\r\nSigned words.\r\n"


def mixed(kind: str, octets: bytes, text: bytes = b"") -> bytes:
    return (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
        + text
        + f"\r\n--b\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
        + base64.encodebytes(octets)
        + b"\r\n--b--\r\n"
    )


def attribute(kind: int, value: bytes) -> bytes:
    return b"\x01" + struct.pack("<II", kind, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def text_property(number: int, form: int, value: bytes) -> bytes:
    return struct.pack("<HHII", form, number, 1, len(value)) + value + b"\x00" * (-len(value) % 4)


def winmail() -> bytes:
    named = struct.pack("<HH", 0x03, 0x8001) + b"g" * 16 + struct.pack("<II", 0, 7) + struct.pack("<I", 1)
    words = text_property(0x1000, 0x1F, "Größe stimmt nicht.".encode("utf-16le") + b"\x00\x00")
    about = text_property(0x3707, 0x1E, "Angebot für Müller.pdf".encode("cp1252") + b"\x00")
    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + attribute(0x00069007, struct.pack("<II", 1252, 0))
        + attribute(0x00069003, struct.pack("<I", 2) + named + words)
        + attribute(0x00069002, b"\x00" * 14)
        + attribute(0x00018010, b"ANGEBO~1.PDF\x00")
        + attribute(0x0006800F, b"%PDF-1.4 x")
        + attribute(0x00069005, struct.pack("<I", 1) + about)
    )


@pytest.mark.parametrize("kind", ["application/ms-tnef; name=winmail.dat", "application/octet-stream; name=WINMAIL.DAT"])
def test_the_text_and_the_files_of_a_winmail_dat_are_read(kind: str) -> None:
    mail = parse(mixed(kind, winmail()))
    assert mail.text == "Größe stimmt nicht."
    assert [one.filename.lower() for one in mail.attachments] == ["winmail.dat", "angebot für müller.pdf"]
    packed = mail.attachments[1]
    assert (packed.content_type, packed.size, packed.octets, packed.part) == ("application/pdf", 10, b"%PDF-1.4 x", 2)


def test_a_text_beside_a_winmail_dat_is_the_text() -> None:
    assert parse(mixed("application/ms-tnef; name=winmail.dat", winmail(), b"Plain words.")).text == "Plain words."


@given(st.binary(max_size=300), st.integers(6, 200))
@settings(max_examples=200)
def test_a_broken_winmail_dat_raises_nothing(noise: bytes, end: int) -> None:
    tnef.unpack(winmail()[:end])
    tnef.unpack(winmail()[:end] + noise)
    tnef.unpack(winmail()[:6] + attribute(0x00069003, noise))
    cms.content(noise)
    cms.content(b"\x30\x80\x06\x09" + noise)


def uuencoded(name: str, octets: bytes) -> str:
    lines = [binascii.b2a_uu(octets[at : at + 45]).decode().rstrip("\n") for at in range(0, len(octets), 45)]
    return "\n".join([f"begin 644 {name}", *lines, "`", "end"])


def test_a_uuencoded_file_in_a_text_becomes_a_file() -> None:
    octets = bytes(range(200))
    body = f"See the file.\n\n{uuencoded('my report.pdf', octets)}\n\nAnn\n".replace("\n", "\r\n").encode()
    mail = parse(HEAD + b"\r\n" + body)
    assert mail.text.split() == ["See", "the", "file.", "Ann"]
    assert [(one.filename, one.octets) for one in mail.attachments] == [("my report.pdf", octets)]


@pytest.mark.parametrize(
    "text", ["We begin 644 things\nin the end\nend", "begin 644 a\nno such code here\nend", "begin 644 a\n#:&5L\n", "begin"]
)
def test_what_only_looks_like_uuencode_stays_text(text: str) -> None:
    assert armour.unpacked(text) == (text, [])


SIGNED = """-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

The printer is broken.
- --\x20
Ann
-----BEGIN PGP SIGNATURE-----
Version: GnuPG v2

iQEzBAEBCAAdFiEE
=abcd
-----END PGP SIGNATURE-----
"""


def test_words_signed_inline_by_pgp_stand_without_armour() -> None:
    mail = parse(HEAD + b"\r\n" + SIGNED.replace("\n", "\r\n").encode())
    assert mail.text == "The printer is broken.\n-- \nAnn"
    assert mail.reply_text == "The printer is broken."


def test_armour_that_is_not_closed_stays() -> None:
    text = SIGNED.replace("-----END", "----END")
    assert armour.unsigned(text) == text


def test_the_body_of_a_pgp_mime_mail_is_its_text() -> None:
    mail = parse(
        HEAD + b'Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"\r\n\r\n--b\r\n'
        b"Content-Type: text/plain\r\n\r\nsigned\r\n--b\r\n"
        b"Content-Type: application/pgp-signature; name=signature.asc\r\n\r\nx\r\n--b--\r\n"
    )
    assert (mail.text, [one.filename for one in mail.attachments]) == ("signed", ["signature.asc"])


def opaque() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ann")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, begin, begin + timedelta(days=900))
    signature = pkcs7.PKCS7SignatureBuilder(INNER).add_signer(builder.sign(key, hashes.SHA256()), key, hashes.SHA256())
    return signature.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def test_an_opaquely_signed_mail_is_read() -> None:
    mail = parse(
        HEAD
        + b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(opaque())
    )
    assert mail.text == mail.reply_text == "Signed words."
    assert [one.filename for one in mail.attachments] == ["smime.p7m"]


def test_signed_content_of_indefinite_length_is_joined() -> None:
    oid, data = bytes.fromhex("06092a864886f70d010702"), bytes.fromhex("06092a864886f70d010701")
    pieces = b"\x24\x80" + b"".join(b"\x04\x05" + INNER[at : at + 5] for at in range(0, 50, 5)) + b"\x00\x00"
    wrapped = b"\x30\x80" + oid + b"\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80" + data + b"\xa0\x80" + pieces
    assert cms.content(wrapped) == INNER[:50]


def test_encrypted_data_stays_a_file() -> None:
    enveloped = bytes.fromhex("300f06092a864886f70d010703a002 3000".replace(" ", ""))
    assert cms.content(enveloped) is None
    assert len(parse(mixed("application/pkcs7-mime; name=smime.p7m", enveloped, b"x")).attachments) == 1


EVENT = """BEGIN:VCALENDAR
METHOD:{method}
BEGIN:VTIMEZONE
TZID:W. Europe
END:VTIMEZONE
BEGIN:VEVENT
ORGANIZER;CN="Lee: Ann":mailto:ann@example.com
ATTENDEE;PARTSTAT=ACCEPTED;CN=Bob:mailto:bob@example.com
SUMMARY;LANGUAGE=en-us:Printers\\, and\\n#close
DTSTART;TZID="W. Europe":20261120T100000
DTEND:20261120T110000Z
LOCATION:Room
  2.14
BEGIN:VALARM
SUMMARY:no
END:VALARM
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("method", "first"),
    [
        ("REQUEST", "Invitation: Printers, and #close"),
        ("REPLY", "Answer to an invitation: Printers, and #close (accepted)"),
        ("CANCEL", "Cancelled: Printers, and #close"),
        ("PUBLISH", "Event: Printers, and #close"),
    ],
)
def test_an_invitation_says_what_when_and_where(method: str, first: str) -> None:
    body = EVENT.format(method=method).replace("\n", "\r\n").encode()
    mail = parse(HEAD + b"Content-Type: text/calendar; method=" + method.encode() + b"\r\n\r\n" + body)
    assert mail.text == f"{first}\nWhen: 2026-11-20 10:00 (W. Europe) – 2026-11-20 11:00 UTC\nWhere: Room 2.14"


def test_an_invitation_with_words_of_its_own_keeps_to_them() -> None:
    assert parse(mixed("text/calendar; method=REQUEST", EVENT.format(method="REQUEST").encode(), b"Please come.")).text == "Please come."


def test_no_event_says_nothing() -> None:
    assert invitation.readable("BEGIN:VCALENDAR\nEND:VCALENDAR") == ""


@pytest.mark.parametrize(
    "text",
    [
        "begin 644 a\n" * 100_000 + "end",
        ("begin 644 a\n" + "\n" * 20) * 20_000 + "\nend",
        "-----BEGIN PGP SIGNED MESSAGE-----\n" * 50_000 + "-----END PGP SIGNATURE-----",
        "BEGIN:VEVENT\nSUMMARY" + ';a="' * 100_000 + ":x",
        "BEGIN:VEVENT\n" + "SUMMARY;a=b" * 50_000,
    ],
    ids=["begins", "begins-with-blanks", "armour", "quotes", "parameters"],
)
def test_hostile_wrappings_cost_little(text: str) -> None:
    start = time.process_time()
    armour.unpacked(armour.unsigned(text))
    invitation.readable(text)
    assert time.process_time() - start < 2
