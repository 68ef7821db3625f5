"""What did we sign, for which ticket and for whom? Marks that are read back, and everything that is none."""

from __future__ import annotations

import base64
import hmac
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from mailgate.desk.model import Address, TicketId
from mailgate.desk.tokens import BOUNCE, THREAD, Keyring, Token, belongs, bounce_mark, mark, message_mark, read, read_bounce, subaddress

ANN, ALIAS, EVE = Address("ann@out.example"), Address("a.other@out.example"), Address("eve@out.example")
OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
RING = Keyring((NEW,))
NUMBER = TicketId(1042)
MARK = mark(RING, THREAD, NUMBER, ANN)


@settings(max_examples=40)
@given(some.integers(1, 10**15), some.sampled_from(["t", "accept", "reject", "status", "resolve"]), some.emails())
def test_a_mark_is_read_back_as_what_was_signed(number: int, verb: str, address: str) -> None:
    written = mark(RING, verb, TicketId(number), Address(address))
    token = read(RING, written)
    assert token is not None
    assert (token.verb, token.ticket) == (verb, number)
    assert belongs(RING, token, (Address(address),))
    assert not belongs(RING, token, (EVE,))


def test_a_mark_is_made_of_hmac_sha_256_in_base32() -> None:
    def mac(what: str) -> str:
        return base64.b32encode(hmac.digest(NEW, what.encode(), "sha256")).decode().lower()

    assert mark(RING, THREAD, NUMBER, ANN) == f"t.1042.{mac('ticket 1042')[:6]}{mac(f'person 1042 {ANN}')[:12]}"
    assert bounce_mark(RING, 7) == f"b.7.{mac('row 7')[:12]}"
    assert message_mark(RING, "i17", 0) == f"i17.0.{mac('message i17 0')[:12]}"


def test_a_mark_is_a_local_part_that_every_relay_keeps() -> None:
    longest = mark(RING, "approve", TicketId(10**18 - 1), ANN)
    assert len(f"servicedesk+{longest}") <= 64
    assert set(longest) <= set(string.ascii_lowercase + string.digits + ".")
    assert read(RING, longest) == Token("approve", TicketId(10**18 - 1), longest[-12:])


def test_the_mark_of_a_ticket_and_a_person_is_always_the_same() -> None:
    assert mark(RING, THREAD, NUMBER, ANN) == MARK
    assert mark(RING, THREAD, NUMBER, EVE) != MARK
    assert mark(RING, THREAD, TicketId(1043), ANN) != MARK


def test_a_token_belongs_to_its_person_by_any_of_his_addresses_and_to_nobody_else() -> None:
    token = read(RING, MARK)
    assert token is not None
    assert belongs(RING, token, (ALIAS, ANN))
    assert not belongs(RING, token, (ALIAS,))
    assert not belongs(RING, token, (EVE,))
    assert not belongs(RING, token, ())


def test_a_token_is_worth_nothing_on_another_ticket() -> None:
    verb, number, mac = MARK.split(".")
    assert read(RING, f"{verb}.{int(number) + 1}.{mac}") is None
    grafted = f"{verb}.1043.{mark(RING, THREAD, TicketId(1043), EVE).split('.')[2][:6]}{mac[6:]}"
    token = read(RING, grafted)
    assert token is not None
    assert not belongs(RING, token, (ANN,))


def test_the_verb_may_be_changed_since_it_gives_no_right() -> None:
    token = read(RING, MARK.replace("t.", "accept.", 1))
    assert token is not None
    assert token.verb == "accept"
    assert belongs(RING, token, (ANN,))


def test_case_is_folded_by_relays_and_does_no_harm() -> None:
    assert read(RING, MARK.upper()) == read(RING, MARK)


def test_a_rotated_key_still_reads_and_no_longer_signs() -> None:
    written = mark(Keyring((OLD,)), THREAD, NUMBER, ANN)
    rotated = Keyring((NEW, OLD))
    token = read(rotated, written)
    assert token is not None
    assert belongs(rotated, token, (ANN,))
    assert mark(rotated, THREAD, NUMBER, ANN) == MARK
    assert read(Keyring((OTHER, NEW)), written) is None


@pytest.mark.parametrize("missing", range(1, 19))
def test_a_truncated_mark_is_none(missing: int) -> None:
    assert read(RING, MARK[:-missing]) is None


@pytest.mark.parametrize("place", range(-18, 0))
def test_each_character_of_the_signature_counts(place: int) -> None:
    changed = list(MARK)
    changed[place] = "a" if changed[place] != "a" else "b"
    token = read(RING, "".join(changed))
    assert token is None or not belongs(RING, token, (ANN,))


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "...", "t", "t.1042", "1042", "t.1042.", "desk", f"{MARK}.x", f"{MARK}x", f" {MARK}", "t.-1042.aaaaaaaaaaaaaaaaaa",
        f"t.{'9' * 19}.aaaaaaaaaaaaaaaaaa", f"t.{'9' * 5000}.aaaaaaaaaaaaaaaaaa", "t.١٠٤٢.aaaaaaaaaaaaaaaaaa", "t.1042.äääääääääääääääääää",
        "t.1042.aaaaaaaaaaaaaaaaaa", "t.1042.\udcffaaaaaaaaaaaaaaaaa", "ť" + MARK[1:],
        "t.²." + MARK[-18:], MARK.replace("t.", "t" * 60 + "."),
        "\x00" * 64, "t.1_042." + MARK[-18:],
    ],
)  # fmt: skip
def test_what_we_did_not_sign_is_none(text: str) -> None:
    assert read(RING, text) is None
    assert read_bounce(RING, text) is None


@settings(max_examples=100)
@given(some.text(max_size=70))
@example("\u212a.1042.aaaaaaaaaaaaaaaaaa")
def test_any_text_is_read_and_is_nothing(text: str) -> None:
    assert read(RING, text) is None
    assert read_bounce(RING, text) is None


@settings(max_examples=25)
@given(some.integers(0, 10**18 - 1))
def test_a_bounce_address_names_its_row_and_only_a_signed_one_does(row: int) -> None:
    written = bounce_mark(RING, row)
    assert read_bounce(RING, written.upper()) == row
    assert read_bounce(Keyring((OTHER, NEW)), written) == row
    assert read_bounce(Keyring((OTHER,)), written) is None
    assert read_bounce(RING, f"{BOUNCE}.{row + 1}.{written.rpartition('.')[2]}") is None
    assert read(RING, written) is None


def test_a_message_id_is_the_same_for_the_same_cause_and_another_for_another_letter() -> None:
    assert message_mark(RING, "i17", 0) == message_mark(RING, "i17", 0)
    assert len({message_mark(RING, cause, number) for cause in ("i17", "i1", "t17") for number in (0, 1, 7)}) == 9


@pytest.mark.parametrize(
    ("local", "base", "sign", "behind"),
    [
        ("desk+t.1.x", "desk", "+", "t.1.x"),
        ("DESK+T.1.X", "desk", "+", "T.1.X"),
        ("desk+", "desk", "+", ""),
        ("desk", "desk", "+", None),
        ("desks+t", "desk", "+", None),
        ("help.desk-t", "help.desk", "-", "t"),
        ("desk+t", "desk", "", None),
        ("desk+a+b", "desk", "+", "a+b"),
    ],
)
def test_a_sub_address_is_what_follows_the_sign(local: str, base: str, sign: str, behind: str | None) -> None:
    assert subaddress(local, base, sign) == behind


def test_keys_are_not_printed() -> None:
    assert "nnnn" not in repr(RING)
