from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.desk import held, tokens
from mailgate.desk.model import Address, TicketId
from mailgate.desk.tokens import Keyring

KEYS = Keyring((b"k" * 32,))
OLGA = Address("olga@desk.example")


@pytest.mark.parametrize(
    ("line", "verb", "rows", "ticket", "sender", "domain"),
    [
        ("release 17", "release", (17,), None, "", False),
        ("Release: 17, 18 and 17.", "release", (17, 18), None, "", False),
        ("#freigeben 17", "release", (17,), None, "", False),
        ("drop mails 17 18", "drop", (17, 18), None, "", False),
        ("attach 17 1042", "attach", (17,), 1042, "", False),
        ("anhängen 17 18 an MG-1042", "attach", (17, 18), 1042, "", False),
        ("block 17", "block", (17,), None, "", False),
        ("block domain 17", "block", (17,), None, "", True),
        ("sperren Domäne 17", "block", (17,), None, "", True),
        ("block Eve@Out.Example", "block", (), None, "eve@out.example", False),
        ("block domain out.example", "block", (), None, "@out.example", False),
        ("unblock @out.example", "unblock", (), None, "@out.example", False),
    ],
)
def test_an_order_is_read_as_people_write_it(
    line: str, verb: str, rows: tuple[int, ...], ticket: int | None, sender: str, domain: bool
) -> None:  # fmt: skip
    (one,) = held.read(line)
    assert (one.verb, one.rows, one.ticket, one.sender, one.domain, one.error) == (verb, rows, ticket, sender, domain, "")


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("", []),
        ("drop 1\n\ndrop 2\n\nThanks\nOlga", ["", ""]),
        ("drop 1\nThanks\ndrop 2", ["", "not-at-the-top"]),
        ("Thanks", ["unknown-verb"]),
        ("dorp 1", ["unknown-verb"]),
        ("drop", ["needs-numbers"]),
        ("drop one", ["needs-numbers"]),
        ("drop 1\n" * 51, [""] * 50 + ["too-many-commands"]),
        ("block 1.2.3.4", ["needs-numbers"]),
    ],
)
def test_nothing_in_an_answer_is_passed_over_that_looks_like_an_order(text: str, errors: list[str]) -> None:
    assert [one.error for one in held.read(text)] == errors


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_stumble(text: str) -> None:
    assert all(one.error or one.rows or one.sender for one in held.read(text))
    assert len(held.tapped("attach", 1, text)) == len(held.tapped("block", 1, text)) == 1


def test_a_tap_needs_no_text_save_for_the_number_of_a_ticket() -> None:
    assert held.tapped("drop", 17, "")[0].rows == (17,)
    assert held.tapped("attach", 17, "")[0].error == "needs-ticket"
    assert held.tapped("attach", 17, "Ticket: MG-1042\n\n--\nOlga, room 12")[0].ticket == 1042
    assert held.tapped("block", 17, "Domain")[0].domain


@pytest.mark.parametrize("verb", sorted(tokens.HELD_VERBS))
def test_a_mark_is_that_of_one_person_and_one_mail(verb: str) -> None:
    mark = tokens.held_mark(KEYS, verb, 17, OLGA)
    token = tokens.read_held(KEYS, mark.upper())
    assert token is not None
    assert (token.verb, token.row) == (verb, 17)
    assert tokens.keeps(KEYS, token, (OLGA,))
    assert not tokens.keeps(KEYS, token, (Address("tina@desk.example"),))
    assert tokens.read_held(KEYS, mark.replace("17", "18")) is None
    assert tokens.read_held(Keyring((b"x" * 32,)), mark) is None
    assert len(tokens.held_mark(KEYS, "release", 10**12, OLGA)) <= 64


def test_no_mark_of_a_ticket_decides_about_a_mail_and_none_of_a_mail_opens_a_ticket() -> None:
    assert tokens.read_held(KEYS, tokens.mark(KEYS, "drop", TicketId(17), OLGA)) is None
    assert tokens.read(KEYS, tokens.held_mark(KEYS, "drop", 17, OLGA)) is None
    assert tokens.read_bounce(KEYS, tokens.held_mark(KEYS, "h", 17, OLGA)) is None
