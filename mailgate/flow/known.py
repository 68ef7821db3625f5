"""What has to be looked up for what somebody may command? Nothing that his words do not ask for; the same by mail and from the shell."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from mailgate.desk.kin import Wanted, remembered
from mailgate.desk.known import Known
from mailgate.desk.model import Person, Ticket
from mailgate.desk.rules import Rules
from mailgate.flow import colleagues, kindred, knowledge, macros
from mailgate.flow.house import House
from mailgate.flow.records import Records
from mailgate.flow.roster import roster


class Said(Struct, frozen=True):
    """What somebody newly wrote about a ticket, and the verb that he tapped. `orders`: it may be commands of a technician."""

    ticket: Ticket | None
    person: Person
    text: str
    asks: Wanted
    tap: str | None = None
    orders: bool = False


def known(records: Records, house: House, rules: Rules, said: Said, now: datetime) -> Known:
    """What is known of all that these words may ask for; `now` is aware UTC."""
    ticket, taken = said.ticket, roster(records.loads, rules, now)
    if ticket is None:
        return Known(roster=taken)
    story = records.story(ticket.id) if said.asks.story else ()
    kin = kindred.kin(records, ticket, remembered(said.asks, ticket, story), said.person, now)
    # Who may not command asks for nothing more, and neither does anybody without a `#` or a tap.
    if not said.orders or not (said.tap or "#" in said.text):
        return Known(kin=kin, roster=taken)
    synonyms = rules.policy.verbs_by_word
    return Known(
        story,
        kin,
        macros.asked(house, rules, ticket, said.person, said.text, records.called),
        colleagues.held(records, ticket, said.person, said.text, said.tap, synonyms),
        knowledge.origin(records, ticket, said.text, said.tap, synonyms),
        taken,
    )
