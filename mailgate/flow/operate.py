"""What may an operator do from the shell? One use case each, in one transaction each; the same rules as by mail decide."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, MailOrder
from mailgate.desk.holding import is_ours
from mailgate.desk.kin import wanted
from mailgate.desk.known import Known
from mailgate.desk.model import Address, Person, Role, State, Strength, Ticket, TicketId
from mailgate.desk.stimuli import Ordered, Stimulus, Wrote
from mailgate.desk.technician import commanding
from mailgate.desk.workflow import state_of
from mailgate.flow import effect, holding, journal, sanity
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.flow.known import Said, known
from mailgate.flow.roster import roster
from mailgate.flow.seam import crash_point
from mailgate.store import articles, blocks, facts, inbox, outbox, people, tickets
from mailgate.store.engine import Store, Tx
from mailgate.store.loads import loads
from mailgate.store.records import Records

OPERATOR = Person(Address("operator"), "Operator", Role.OWNER)


class Done(Struct, frozen=True):
    """What came of an order: the ticket as it is now, and the decision."""

    ticket: Ticket | None
    decision: Decision


def order(store: Store, house: House, number: TicketId, text: str, who: Address | None, now: datetime) -> Done:
    """A technician's commands for a ticket, in his name if one is given. Refusals are in the decision."""
    with journal.on_commit(), store.begin() as tx:
        text = commanding(text)
        asks = wanted(text, None, house.policy.verbs_by_word)
        # Under a merged ticket's number everything goes to the one that lives on, save to take the merging itself back.
        ticket = (tickets.get if asks.undoes else tickets.survivor)(tx, number, lock=True)
        directory = people.directory(tx, house.people)
        person = directory.person(who) if who else OPERATOR
        if ticket is None:
            return _carry_out(tx, house, None, "", Ordered(person, text), now)
        asks = replace(asks, reopens=state_of(ticket.status) is State.RESOLVED)
        rules, said = house.rules(ticket.desk, directory), Said(ticket, person, text, asks, orders=True)
        ordered = Ordered(person, text, known(Records(tx, directory), house, rules, said, now))
        return _carry_out(tx, house, ticket, ticket.desk, ordered, now)


def open_by_phone(store: Store, house: House, desk: str, requester: Address, name: str, subject: str, text: str, now: datetime) -> Done:
    """A ticket that somebody asked for by telephone; he gets the same acknowledgement as by mail."""
    with journal.on_commit(), store.begin() as tx:
        directory = people.directory(tx, house.people)
        taken = roster(partial(loads, tx), house.rules(desk, directory), now)
        person = directory.person(requester, name)
        helpful = articles.suggested(tx, desk, subject, text)
        wrote = Wrote(
            person, requester, Strength.TOKEN, True, desk, subject, text, text, source="phone", known=Known(roster=taken), suggested=helpful
        )  # fmt: skip
        return _carry_out(tx, house, None, desk, wrote, now)


def _carry_out(tx: Tx, house: House, ticket: Ticket | None, desk: str, stimulus: Stimulus, now: datetime) -> Done:
    rules = house.rules(desk, people.directory(tx, house.people))
    decision = decide(ticket, stimulus, rules, now)
    cause = Cause("order", secrets.token_hex(8))
    done = effect.carry_out(tx, house, rules, ticket, decision, cause, now)
    if decision.again is not None:
        inbox.again(tx, decision.again, now)
    if done.ticket is not None:
        verbs = ",".join(one.verb for one in decision.events)
        journal.changed(f"order:{cause.id}", done.ticket.id, decision.outcome, verbs, len(decision.letters))
    return Done(done.ticket, decision)


def release(store: Store, rows: Sequence[int], now: datetime, *, attach_to: TicketId | None = None) -> list[int]:
    """Lets held or quarantined mails be processed after all, onto a ticket if one is named; returns those for which it was possible."""
    return _decide(store, "attach" if attach_to else "release", rows, now, attach_to)


def _decide(store: Store, verb: str, rows: Sequence[int], now: datetime, ticket: TicketId | None = None) -> list[int]:
    cause = ("order", secrets.token_hex(8))
    with store.begin() as tx:
        done = [row for row in rows if holding.carry_out(tx, MailOrder(verb, row, OPERATOR.address, ticket), cause, now)]
        crash_point("CP44-command")
        return done


def retry_mails(store: Store, rows: Sequence[int], now: datetime) -> list[int]:
    """Has held or quarantined mails judged again, as strictly as before."""
    return _decide(store, "retry", rows, now)


def drop_mails(store: Store, rows: Sequence[int], now: datetime) -> list[int]:
    """Decides that held or quarantined mails need nothing. Their octets stay."""
    return _decide(store, "drop", rows, now)


def block(store: Store, house: House, senders: Sequence[str], now: datetime) -> list[str]:
    """Hears nothing of these senders any more: addresses, or `@` and a domain. Returns those for which it may be: no colleague's."""
    with store.begin() as tx:
        rules = house.rules(house.desks[0].name, people.directory(tx, house.people))
        done = [one for one in senders if not is_ours(one, rules)]
        for sender in done:
            blocks.put(tx, sender, OPERATOR.address, now)
        return done


def unblock(store: Store, senders: Sequence[str]) -> list[str]:
    """Hears these senders again; returns those who were blocked."""
    with store.begin() as tx:
        return [one for one in senders if blocks.lift(tx, one)]


def retry_letters(store: Store, rows: Sequence[int], now: datetime) -> list[int]:
    """Has letters tried again now; returns those for which it was possible."""
    with store.begin() as tx:
        return [row for row in rows if outbox.retry(tx, row, now)]


def drop_letters(store: Store, rows: Sequence[int], now: datetime) -> list[int]:
    """Cancels letters that have not left yet."""
    with store.begin() as tx:
        return [row for row in rows if outbox.cancel(tx, row, "dropped", now)]


def resume(store: Store) -> list[str]:
    """Lets letters and timers go on after a hold; why they were held."""
    with store.begin() as tx:
        reasons = held(tx)
        facts.forget(tx, facts.HOLD)
        facts.forget_all(tx, facts.CLOCK)
        return reasons


def held(tx: Tx) -> list[str]:
    """Why letters or timers are held, if they are."""
    reason = facts.get(tx, facts.HOLD)
    return [*([reason] if reason else []), *sanity.doubts(tx)]
