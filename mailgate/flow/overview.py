"""How does a digest look to its one reader? Each ticket with its tag, what of it he may read, and the addresses at which a tap does it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from msgspec.structs import replace

from mailgate.desk import tokens
from mailgate.desk.model import Person, TicketId
from mailgate.desk.rules import Rules
from mailgate.desk.summary import Brief, Digest, Entries, Part
from mailgate.desk.tokens import Keyring
from mailgate.mail.summed import DigestView, EntryView

_OF_TEAM = frozenset({Part.UNASSIGNED, Part.LATE, Part.OLDEST})
# What is told of when in each part; of all others when the present status began.
_BY_DUE = frozenset({Part.OVERDUE, Part.TODAY, Part.LATE})
_BY_BIRTH = frozenset({Part.UNANSWERED, Part.UNASSIGNED, Part.OLDEST})


def shown(keyring: Keyring, rules: Rules, digest: Digest, reader: Person) -> DigestView:
    """The digest as this person's letter shows it."""
    own = [one for one in digest.entries if one.part not in _OF_TEAM]
    team = [one for one in digest.entries if one.part in _OF_TEAM]
    counts = {one.part: one.count for one in own}
    return DigestView(
        tuple(entry for one in own for entry in _entries(keyring, rules, one, reader)),
        tuple(entry for one in team for entry in _entries(keyring, rules, one, reader)),
        sum(counts.values()) - counts.get(Part.CLOSING, 0), counts.get(Part.OVERDUE, 0), counts.get(Part.TODAY, 0),
        counts.get(Part.CLOSING, 0),
        digest.backlog if digest.backlog and digest.backlog.open else None, ", ".join(digest.teams),
    )  # fmt: skip


def _entries(keyring: Keyring, rules: Rules, entries: Entries, reader: Person) -> Iterator[EntryView]:
    first, last = entries.tickets[0], entries.tickets[-1]
    for one in entries.tickets:
        entry = _entry(keyring, rules, entries.part, one, reader)
        yield replace(entry, first=one is first, count=entries.count, more=entries.count - len(entries.tickets) if one is last else 0)


def _entry(keyring: Keyring, rules: Rules, part: Part, ticket: Brief, reader: Person) -> EntryView:
    taps = {verb: tap(keyring, rules, verb, ticket.id, reader) for verb in _worth_a_tap(part, reader)}
    # Letters about a confidential ticket name nobody, and carry its number only.
    open_to_all = not ticket.confidential
    holder = rules.people.find(ticket.assignee) if ticket.assignee and open_to_all else None
    return EntryView(
        part, f"{rules.desk.tag}-{ticket.id}", ticket.subject if open_to_all else "", ticket.status_name, ticket.priority,
        _moment(part, ticket), holder.label if holder else "", ticket.confidential,
        write=tap(keyring, rules, tokens.THREAD, ticket.id, reader),
        take=taps.get("take"), close=taps.get("close"),
    )  # fmt: skip


def _worth_a_tap(part: Part, reader: Person) -> tuple[str, ...]:
    """What somebody who works here would do about a ticket in this part, without reading it again."""
    if not reader.staff:
        return ()
    return {Part.UNASSIGNED: ("take",), Part.CLOSING: ("close",)}.get(part, ())


def _moment(part: Part, ticket: Brief) -> datetime:
    if part in _BY_DUE and ticket.due is not None:
        return ticket.due
    return ticket.created if part in _BY_BIRTH else ticket.since


def tap(keyring: Keyring, rules: Rules, verb: str, ticket: TicketId, reader: Person) -> str:
    """A mailto URL by which this person writes about a ticket, or does something to it.

    The token is in the address, or in the subject where the mail server knows no sub-addresses.
    """
    desk, mark = rules.desk, tokens.mark(keyring, verb, ticket, reader.address)
    local, _, host = desk.address.rpartition("@")
    if not desk.subaddress:
        return f"mailto:{quote(local)}@{host}?subject={quote(mark)}"
    about = f"[{desk.tag}-{ticket}]" if verb == tokens.THREAD else verb
    return f"mailto:{quote(local + desk.subaddress, safe='+')}{mark}@{host}?subject={quote(about)}"
