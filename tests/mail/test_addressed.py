"""Whom does a mail without an envelope seem to be for? A look at the octets of its header, before anybody reads it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.mail.identity import addressed


@pytest.mark.parametrize(("header", "found"), [
    (b"To: a@x.example", ("a@x.example",)),
    (b"To: A <a@x.example>,\r\n B <b@x.example>\r\nCc: c@x.example; a@x.example", ("a@x.example", "b@x.example", "c@x.example")),
    (b"to: a@x.example\nCC:b@x.example", ("a@x.example", "b@x.example")),
    (b"Delivered-To: a@x.example\r\nX-Original-To: b@x.example", ("a@x.example", "b@x.example")),
    (b"Envelope-To: <c@x.example>", ("c@x.example",)),
    (b'To: "b@x.example, too" <a@x.example>', ("a@x.example",)),
    (b"To: friends: a@x.example, (b@x.example) c;", ("a@x.example", "b@x.example")),
    (b"From: a@x.example\r\nSubject: b@x.example\r\nReply-To: c@x.example", ()),
    (b"To: " + b"a" * 400 + b"@x.example", ()),
    (b"", ()),
])  # fmt: skip
def test_addresses_stand_in_the_fields_for_recipients(header: bytes, found: tuple[str, ...]) -> None:
    for end in (b"\r\n\r\n", b"\n\n", b""):
        body = b"To: body@x.example" if end else b""
        assert addressed(header + end + body) == found


@given(st.binary(max_size=500))
def test_no_octets_are_too_strange(octets: bytes) -> None:
    assert all("@" in one for one in addressed(b"To: " + octets))


@pytest.mark.parametrize("piece", [b'"', b"<", b"@", b"a,", b'\\"', b"a@b ", b"To:\n "])
def test_a_megabyte_of_anything_is_looked_at_in_a_moment(piece: bytes) -> None:
    began = time.process_time()
    assert len(addressed(b"To: " + piece * (1_000_000 // len(piece)))) <= 500
    assert time.process_time() - began < 2
