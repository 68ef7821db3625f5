"""Do two robots ever talk to each other for long? One acknowledgement each way at most; and where every mark is lost, ten letters a day.

Two offices exchange their letters as mail servers would. What bounds them in the end is a budget that believes no header.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from mailgate.desk.model import Address, Directory
from mailgate.desk.policy import Budgets, Desk, Policy
from tests.kit.office import OLGA, TINA, Office, aligned, mail, reply, spoofed
from tests.stories.conftest import GUARDED

NORTH, SOUTH = "desk@north.example", "desk@south.example"
# What a relay that is no friend of ours may lose.
MARKS = rb"(?mi)^(?:Auto-Submitted|X-[A-Za-z-]+|Precedence|In-Reply-To|References|Reply-To|Message-ID): .*\r\n(?:[ \t].*\r\n)*"


def desk_at(address: str, tag: str) -> Desk:
    return Desk(name=tag, address=Address(address), tag=tag)


@pytest.fixture
def desks(open_office: Callable[..., Office]) -> tuple[Office, Office]:
    """Two desks in two houses, each with an owner alone, so that all letters between them are automatic."""
    owner = Directory((OLGA,))
    return (
        open_office(desk=desk_at(NORTH, "NO"), people=owner, instance="aaaaaaaaaaaaaaaa"),
        open_office(desk=desk_at(SOUTH, "SO"), people=owner, instance="bbbbbbbbbbbbbbbb"),
    )


def exchange(north: Office, south: Office, *, strip: bool) -> int:
    """Letters go to and fro until there is none, a hundred rounds at most; how many crossed."""
    crossed = 0
    for _ in range(100):
        crossing = [(sender, receiver, letter) for sender, receiver in ((north, south), (south, north))
                    for letter in sender.letters() if letter.to == receiver.desk.address]  # fmt: skip
        if not crossing:
            break
        for sender, receiver, letter in crossing:
            receiver.post(stripped(letter.octets) if strip else letter.octets, sender=sender.bounce_address(letter))
        crossed += len(crossing)
    return crossed


def stripped(octets: bytes) -> bytes:
    """A letter without a single header by which a machine could be known, and without the tag in its subject and its text."""
    head, _, body = octets.partition(b"\r\n\r\n")
    head = re.sub(MARKS, b"", head + b"\r\n").rstrip(b"\r\n")
    return re.sub(rb"\[?(?:NO|SO)-\d+\]? ?", b"", head + b"\r\n\r\n" + body)


def test_attack_087_two_desks_that_write_to_each_other_fall_silent_after_one_acknowledgement(desks: tuple[Office, Office]) -> None:
    north, south = desks
    north.post(mail("Hello from your neighbour.", sender=SOUTH, to=NORTH))
    south.post(mail("Hello from your neighbour.", sender=NORTH, to=SOUTH))
    assert exchange(north, south, strip=False) == 2
    assert (north.count(), south.count()) == (1, 1)


def test_two_desks_whose_every_mark_is_stripped_on_the_way_exchange_ten_letters_a_day(desks: tuple[Office, Office]) -> None:
    north, south = desks
    north.post(mail("Hello from your neighbour.", sender=SOUTH, to=NORTH))
    assert exchange(north, south, strip=True) == 20
    assert len([one for one in north.everything_sent() if one.to == SOUTH]) == 10
    assert len([one for one in south.everything_sent() if one.to == NORTH]) == 10
    assert north.suppressed()[-1] == ("acknowledgement", SOUTH, "budget-letters-a-day")


def test_the_budget_ends_the_loop_for_good_and_not_for_a_day(desks: tuple[Office, Office]) -> None:
    """The last mail was recorded and not answered: nothing is under way any more that could begin again tomorrow."""
    north, south = desks
    north.post(mail("Hello from your neighbour.", sender=SOUTH, to=NORTH))
    exchange(north, south, strip=True)
    for office in (north, south):
        office.now += timedelta(days=2)
        office.later()
    assert exchange(north, south, strip=True) == 0


def test_the_budget_is_the_operators_to_choose(open_office: Callable[..., Office]) -> None:
    policy = Policy(budgets=Budgets(letters_per_day=3))
    north = open_office(desk=desk_at(NORTH, "NO"), policy=policy, people=Directory((OLGA,)), instance="aaaaaaaaaaaaaaaa")
    south = open_office(desk=desk_at(SOUTH, "SO"), policy=policy, people=Directory((OLGA,)), instance="bbbbbbbbbbbbbbbb")
    north.post(mail("Hello.", sender=SOUTH, to=NORTH))
    assert exchange(north, south, strip=True) == 6


# ----------------------------------------------------------------------------------------------------------- reflection


def flood(office: Office, victim: str, mails: int, make: Callable[[bytes], bytes] = bytes) -> None:
    """So many mails in the name of one victim, each with other words, as a bomber sends them."""
    office.receive_all([
        make(mail(f"Buy CANARY-{number}!", sender=victim, subject=f"CANARY offer {number}", name=f"CANARY {number}"))
        for number in range(mails)
    ])  # fmt: skip
    office.work()


def test_attack_094_a_thousand_mails_in_a_victims_name_bring_him_one_letter_where_senders_are_checked(
    open_office: Callable[..., Office]
) -> None:  # fmt: skip
    office = open_office(security=GUARDED, people=Directory())
    flood(office, "victim@out.example", 1000)
    letters = [one for one in office.everything_sent() if one.to == "victim@out.example"]
    assert len(letters) == 1
    assert office.count() == 1000
    shown = "".join(one.octets.decode() + one.text + one.html + one.subject for one in letters)
    assert "CANARY" not in shown


def test_attack_094_where_nobody_checks_senders_the_victim_gets_ten_letters_a_day(open_office: Callable[..., Office]) -> None:
    office = open_office(people=Directory((OLGA,)))
    flood(office, "victim@out.example", 60)
    letters = [one for one in office.everything_sent() if one.to == "victim@out.example"]
    assert len(letters) == 10
    assert all("CANARY" not in one.octets.decode() + one.text + one.html for one in letters)
    assert {reason for _, to, reason in office.suppressed() if to == "victim@out.example"} == {"budget-letters-a-day"}
    office.later(days=1, seconds=1)
    flood(office, "victim@out.example", 20)
    assert len([one for one in office.everything_sent() if one.to == "victim@out.example"]) == 20


def test_attack_094_mails_that_are_known_to_be_forged_bring_the_victim_nothing(open_office: Callable[..., Office]) -> None:
    office = open_office(security=GUARDED, people=Directory((OLGA,)))
    flood(office, "victim@out.example", 60, spoofed)
    assert (office.everything_sent(), office.count()) == ([], 0)


def test_a_victim_named_in_copy_again_and_again_is_never_written_to(open_office: Callable[..., Office]) -> None:
    office = open_office(people=Directory((OLGA,)))
    office.receive_all([mail("x", sender=f"m{number}@evil.example", cc="victim@out.example") for number in range(60)])
    office.work()
    assert office.count() == 60
    assert not [one for one in office.everything_sent() if one.to == "victim@out.example"]


def test_a_genuine_mail_is_acknowledged_although_a_forger_spent_the_budget_of_claims(open_office: Callable[..., Office]) -> None:
    office = open_office(security=GUARDED, people=Directory((OLGA,)))
    flood(office, "victim@out.example", 5)
    row = office.post(aligned(mail("My own words.", sender="victim@out.example")))
    assert office.last("acknowledgement", "victim@out.example")["X-Mailgate-Ticket"] == str(row.ticket)


def test_what_a_human_writes_is_not_counted(office: Office) -> None:
    """Ten answers of a technician and the eleventh go out on one day."""
    office.post(mail("The printer is dead."))
    letter = office.last("new_ticket", TINA.address)
    for number in range(12):
        office.post(reply(letter, f"Step {number}.", name="Tina"))
    assert len([one for one in office.everything_sent() if one.name == "reply"]) == 12
