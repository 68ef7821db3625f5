"""Which letters may go out? One reason each for those that may not; a human's words and the people of people.toml are never held back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailgate.desk.budget import Spent, weigh
from mailgate.desk.letters import Letter, Name
from mailgate.desk.model import Address, TicketId
from mailgate.desk.policy import Budgets, Desk, Policy
from tests.desk.cast import ANN, BOB, OLGA, RULES, STRICT, TINA

NUMBER = TicketId(1042)
POLICY = Policy(budgets=Budgets(acknowledgements_per_ticket=1, letters_per_day=3, claimed_per_day=1))
OPEN, BORDER = replace(RULES, policy=POLICY), replace(STRICT, policy=POLICY)
ACK = Letter(Name.ACKNOWLEDGEMENT, ANN.address)
STATUS = Letter(Name.STATUS, ANN.address)
WORDS = Letter(Name.REPLY, ANN.address, "Which floor?", TINA.address)


def reasons(*letters: Letter, spent: Spent = Spent(), rules: object = OPEN, claimed: Address | None = None, silent: str = "") -> list[str]:  # noqa: B008
    """For each letter why it is not sent; "" for one that is."""
    assert rules in (OPEN, BORDER)
    kept, dropped = weigh(letters, NUMBER, spent, BORDER if rules is BORDER else OPEN, claimed=claimed, silent=silent)
    told = {id(one.letter): one.reason for one in dropped}
    assert len(kept) + len(dropped) == len(letters)
    return [told.get(id(letter), "") for letter in letters]


@pytest.mark.parametrize(
    ("letter", "spent", "claimed", "silent", "border", "reason"),
    [
        (ACK, Spent(), None, "", False, ""),
        (ACK, Spent(), None, "many-hops", False, "many-hops"),
        (ACK, Spent(dead={ANN.address: "550"}), None, "", False, "address-bounced"),
        (ACK, Spent(acknowledged={(ANN.address, NUMBER): 1}), None, "", False, "budget-acknowledgements"),
        (ACK, Spent(acknowledged={(ANN.address, TicketId(7)): 1}), None, "", False, ""),
        (ACK, Spent(acknowledged={(BOB.address, NUMBER): 1}), None, "", False, ""),
        (STATUS, Spent(acknowledged={(ANN.address, NUMBER): 1}), None, "", False, ""),
        (STATUS, Spent(today={ANN.address: 2}), None, "", False, ""),
        (STATUS, Spent(today={ANN.address: 3}), None, "", False, "budget-letters-a-day"),
        (STATUS, Spent(today={BOB.address: 3}), None, "", False, ""),
        (ACK, Spent(today={ANN.address: 1}), ANN.address, "", True, "budget-claimed-address"),
        (ACK, Spent(today={ANN.address: 1}), ANN.address, "", False, ""),
        (ACK, Spent(today={ANN.address: 1}), None, "", True, ""),
        (ACK, Spent(today={ANN.address: 0}), ANN.address, "", True, ""),
    ],
)
def test_an_automatic_letter_is_held_back_for_one_reason(
    letter: Letter, spent: Spent, claimed: Address | None, silent: str, border: bool, reason: str
) -> None:
    assert reasons(letter, spent=spent, claimed=claimed, silent=silent, rules=BORDER if border else OPEN) == [reason]


ALL_SPENT = Spent(
    today={ANN.address: 99, TINA.address: 99, OLGA.address: 99},
    acknowledged={(ANN.address, NUMBER): 9, (TINA.address, NUMBER): 9},
    dead={ANN.address: "550", TINA.address: "550"},
)


@pytest.mark.parametrize("name", [Name.REPLY, Name.QUESTION, Name.RESOLVED])
def test_what_a_human_wrote_is_never_held_back(name: Name) -> None:
    letter = Letter(name, ANN.address, "Which floor?", TINA.address)
    assert reasons(letter, spent=ALL_SPENT, claimed=ANN.address, silent="many-hops", rules=BORDER) == [""]


def test_a_letter_of_a_human_without_his_words_is_automatic() -> None:
    assert reasons(Letter(Name.RESOLVED, ANN.address), spent=ALL_SPENT) == ["address-bounced"]


@pytest.mark.parametrize("to", [TINA.address, TINA.aliases[0], OLGA.address])
@pytest.mark.parametrize("name", [Name.NEW_TICKET, Name.REQUESTER_REPLIED, Name.RECEIPT, Name.ACKNOWLEDGEMENT])
def test_nothing_to_people_of_the_house_is_held_back(to: Address, name: Name) -> None:
    assert reasons(Letter(name, to), spent=ALL_SPENT, claimed=to, silent="many-hops", rules=BORDER) == [""]


@pytest.mark.parametrize("to", ["desk@desk.example", "help@desk.example", "desk+t.1042.abc@desk.example", "help+x@desk.example"])
def test_nothing_goes_to_the_desk_itself_not_even_a_humans_words(to: str) -> None:
    assert reasons(replace(WORDS, to=Address(to)), replace(ACK, to=Address(to))) == ["own-address", "own-address"]


@pytest.mark.parametrize("to", ["desk@other.example", "desks@desk.example", "ann+desk@desk.example"])
def test_an_address_that_resembles_the_desks_is_not_its_own(to: str) -> None:
    assert reasons(replace(WORDS, to=Address(to))) == [""]


def test_without_sub_addresses_the_sign_means_nothing() -> None:
    rules = replace(OPEN, desk=Desk(address=Address("desk@desk.example"), subaddress=""))
    kept, _ = weigh([replace(WORDS, to=Address("desk+x@desk.example"))], NUMBER, Spent(), rules, claimed=None)
    assert len(kept) == 1


def test_the_letters_of_one_decision_count_among_themselves() -> None:
    four = [Letter(Name.STATUS, ANN.address, note=str(number)) for number in range(4)]
    assert reasons(*four) == ["", "", "", "budget-letters-a-day"]
    assert reasons(*four[:2], WORDS, four[2], four[3]) == ["", "", "", "", "budget-letters-a-day"]


def test_an_expensive_neighbour_costs_nobody_else() -> None:
    assert reasons(STATUS, Letter(Name.STATUS, BOB.address), spent=Spent({ANN.address: 3})) == ["budget-letters-a-day", ""]
