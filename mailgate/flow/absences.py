"""Who has gone away since somebody looked last? His open tickets are handed over, once for each absence, in one commit.

Asked at every tick, of people.toml and of what was said by mail. It costs a look at the people, and a row for each who is away.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import partial

from mailgate.desk import handover
from mailgate.desk.absence import local, within
from mailgate.desk.decide import SYSTEM
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.errors import Temporary
from mailgate.desk.model import Directory, Person, Role
from mailgate.desk.rules import Rules
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.flow.roster import called
from mailgate.store import absences, facts, people, tickets
from mailgate.store.engine import Store, Tx, savepoint
from mailgate.store.loads import loads


def hand_over(store: Store, house: House, now: datetime) -> int:
    """Hands over what belongs to those who are away and was not handed over yet; returns for how many of them. `now` is aware UTC."""
    with store.look() as tx:
        gone = dict(_gone(people.directory(tx, house.people), house, now))
        known = absences.handed(tx, [person.address for person in gone]) if gone else {}
        due = [(person, span) for person, span in gone.items() if known.get(person.address) != span]
        if not due or facts.get(tx, facts.HOLD) is not None:
            return 0
    return sum(_left(store, house, person, span, now) for person, span in due)


def _gone(everybody: Directory, house: House, now: datetime) -> Iterator[tuple[Person, str]]:
    """Everybody who works on tickets and is away today, with the span of it."""
    for person in everybody.having(Role.TECHNICIAN, Role.LEAD):
        if person.away or person.said:
            today = local(person, house.desks[0].timezone, now).date()
            yield from ((person, span) for span in _held((person.away, person.said), today)[:1])


def _held(spans: tuple[str | None, ...], today: date) -> list[str]:
    return [span for span in spans if span and within(span, today)]


def _left(store: Store, house: House, person: Person, span: str, now: datetime) -> bool:
    """All tickets of one person, in one commit; False where another gateway was faster."""
    with journal.on_commit(), store.begin() as tx:
        if not absences.hand(tx, person.address, span):
            return False
        try:
            with journal.on_commit(), savepoint(tx):
                _share(tx, house, person, now)
        except Temporary:
            raise
        except Exception as error:
            # A fault of ours: his tickets stay his, whoever stands in hears of answers, and the timers go on.
            journal.trouble(f"absence of {person.address}", error)
    return True


def _share(tx: Tx, house: House, person: Person, now: datetime) -> None:
    everybody = people.directory(tx, house.people)
    found = (tickets.get(tx, number, lock=True) for number in tickets.unresolved_of(tx, person.addresses))
    his = [ticket for ticket in found if ticket is not None]
    for desk in dict.fromkeys(ticket.desk for ticket in his):
        rules = house.rules(desk, everybody)
        roster = called(partial(loads, tx), rules, now)
        handed = list(handover.shared_out(person, [one for one in his if one.desk == desk], rules, roster))
        _write(tx, house, rules, person, handed, now)


def _write(tx: Tx, house: House, rules: Rules, person: Person, handed: list[handover.Handed], now: datetime) -> None:
    for one in handed:
        decision = handover.handed_over(one, person, rules, now, SYSTEM)
        # A ticket has each version once, and so has the cause each of its effects.
        cause = Cause("absence", f"{one.ticket.id}-{one.ticket.version}")
        effect.carry_out(tx, house, rules, one.ticket, decision, cause, now)
        journal.changed(f"absence:{cause.id}", one.ticket.id, decision.outcome, "handover", 0)
    letters = handover.letters(handed, rules, now)
    if letters:
        cause = Cause("absence", f"{handed[0].ticket.id}-{handed[0].ticket.version}-all")
        effect.carry_out(tx, house, rules, None, Decision(Outcome.TIMED, letters=letters), cause, now)
