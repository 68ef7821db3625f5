"""The pure half of SMTP intake: replies, addresses, dots and line ends."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.channels import smtp_wire
from mailgate.channels.smtp_wire import hops, mended, misfit, parameters, path, plain, regular, reply, unstuffed

PIECES = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"\0", b"\xff", b" "]), max_size=40).map(b"".join)


@given(st.binary(max_size=600).map(lambda octets: octets.decode("utf-8", "surrogateescape")))
def test_a_reply_is_one_line_of_printable_ascii_within_512_octets(text: str) -> None:
    line = reply("451 " + text)
    assert line.startswith(b"451 ")
    assert len(line) <= 510
    assert all(0x20 <= octet < 0x7F for octet in line)


def test_a_reply_keeps_the_enhanced_code_it_has_and_gets_one_otherwise() -> None:
    assert reply("250 OK") == b"250 2.0.0 OK"
    assert reply("550 5.1.1 No") == b"550 5.1.1 No"
    assert reply("354 Go on") == b"354 Go on"


@given(PIECES)
def test_mended_mails_have_one_kind_of_line_end_and_are_left_alone(raw: bytes) -> None:
    once = mended(raw)
    assert once.count(b"\r") == once.count(b"\n") == once.count(b"\r\n")
    assert mended(once) is once


@given(PIECES, st.integers(1, 5))
def test_regular_is_what_has_no_line_end_but_crlf_wherever_it_is_cut_for_looking(raw: bytes, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(smtp_wire, "_PIECE", piece)
        assert regular(raw) is (raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\r\nb\r\n", b"a\r\nb\r\n"),
        (b"Subject: a\rFrom: boss\r\n", b"Subject: a From: boss\r\n"),
        (b"a\n\nb\r\n", b"a\r\n\r\nb\r\n"),
    ],
)
def test_broken_line_ends_are_mended_as_their_sender_meant(raw: bytes, expected: bytes) -> None:
    assert mended(raw) == expected


@given(st.lists(st.sampled_from([b"", b".", b"..", b"a", b".a", b"a."])).map(lambda lines: b"".join(line + b"\r\n" for line in lines)))
def test_dots_that_were_stuffed_are_unstuffed(raw: bytes) -> None:
    stuffed = bytearray((b"\r\n" + raw).replace(b"\r\n.", b"\r\n.."))
    assert unstuffed(stuffed) == raw


@given(st.text(alphabet='ab@<>"\\ :;,.%![]()ü\udcff\x00\u2028', max_size=60))
def test_no_address_is_taken_apart_twice(text: str) -> None:
    found = path(f"<{text}>")
    if found is not None:
        address, parameters = found
        assert address.isprintable()
        assert plain(address) <= (address.count("@") <= 1)
        assert parameters.isascii()


def test_paths_are_split_from_their_parameters() -> None:
    assert path("<a@example.com> SIZE=10 BODY=8BITMIME") == ("a@example.com", "SIZE=10 BODY=8BITMIME")
    assert path("<>") == ("<>", "")
    assert path('<"a > b"@example.com> X') == ('"a > b"@example.com', "X")
    assert path("a@example.com SIZE=1") == ("a@example.com", "SIZE=1")
    assert path("") is None
    assert path("<a@example.com><b@example.com>") == ("a@example.com", "<b@example.com>")
    assert path("<" + "a" * 600 + "@example.com>") is None


def test_parameters_are_known_by_their_names_in_capitals() -> None:
    assert parameters("size=42  BODY=8bitmime SMTPUTF8") == {"SIZE": "42", "BODY": "8BITMIME", "SMTPUTF8": ""}
    assert parameters("") == {}
    for malformed in ("SIZE=", "=1", "A-B=1", "<x>"):
        assert parameters(malformed) is None


@pytest.mark.parametrize(
    ("given", "reply"),
    [
        ("", ""),
        ("SIZE=100 BODY=8BITMIME SMTPUTF8", ""),
        ("SIZE=101", "552 5.3.4"),
        ("SIZE", "501 5.5.4"),
        ("SIZE=-1", "501 5.5.4"),
        ("SIZE=1e3", "501 5.5.4"),
        ("SMTPUTF8=YES", "501 5.5.4"),
        ("BODY", "501 5.5.4"),
        ("BODY=BINARYMIME", "501 5.5.4"),
        ("RET=FULL", "555 5.5.4"),
    ],
)
def test_only_parameters_that_are_understood_are_granted(given: str, reply: str) -> None:
    found = parameters(given)
    assert found is not None
    assert misfit(found, 100).startswith(reply)
    assert bool(misfit(found, 100)) == bool(reply)


def test_hops_are_counted_in_the_header_only() -> None:
    assert hops(b"Received: a\r\nRECEIVED: b\r\nX-Received: c\r\n\r\nReceived: d\r\n") == 2
    assert hops(b"Received: a") == 1
    assert hops(b"") == 0


@pytest.mark.parametrize("octets", [b"\r", b"\n", b"\r\n.", b"\r\r\n", b"<", b"Received:\r\n"])
def test_hostile_mails_cost_linear_time(octets: bytes) -> None:
    raw = octets * (4_000_000 // len(octets))
    start = time.process_time()
    hops(unstuffed(bytearray(b"\r\n" + raw)))
    assert time.process_time() - start < 2


def test_hostile_addresses_cost_linear_time() -> None:
    start = time.process_time()
    for text in ('<"' + "\\" * 1_000, "<" + '"' * 1_000, "<" + '"a' * 500 + ">", "a" * 1_000 + "<", " " * 1_000):
        path(text)
        plain(text)
    assert time.process_time() - start < 0.5
