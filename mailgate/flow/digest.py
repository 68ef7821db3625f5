"""How does the owner hear of mails that wait for a human? One letter a day at most, in his morning, and none while there is nothing new.

Whoever puts a mail aside has the digest expected, in the same commit; the timekeeper writes it when its time has come. What the owner
answers comes in as mail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.letters import HELD_WHY, Held, HeldMail, Letter, Name
from mailgate.desk.model import Address, Person
from mailgate.desk.rules import Rules
from mailgate.flow import effect, journal
from mailgate.flow.cause import Cause
from mailgate.flow.house import House
from mailgate.mail import fields
from mailgate.store import aside, digests, people
from mailgate.store.engine import Tx
from mailgate.store.inbox import InboxState

# When a working day begins, where the person lives.
_MORNING = time(8, 0)
# For whom a digest waits where nobody is there to have it.
_NOBODY = Person(Address(""))
# So many mails stand in one digest; the rest is counted.
_MOST = 50


def expect(tx: Tx, rules: Rules, now: datetime) -> None:
    """A mail of this desk was put aside: whoever decides about it will be told. Where there is nobody, the log will say so."""
    for person in rules.keepers() or (_NOBODY,):
        digests.expect(tx, rules.desk.name, person.address, morning(person, rules, now), now)


def morning(person: Person, rules: Rules, now: datetime) -> datetime:
    """The next time that a working day begins for this person; `now` and the answer are aware UTC."""
    zone = ZoneInfo(person.timezone or rules.desk.timezone)
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), _MORNING, zone)
    return (today if today > local else datetime.combine(local.date() + timedelta(days=1), _MORNING, zone)).astimezone(now.tzinfo)


def write(tx: Tx, house: House, row: digests.DueDigest, now: datetime) -> None:
    """The digest that is due, if anything new still waits. Raises Fenced where somebody else wrote it meanwhile."""
    rules = house.rules(row.desk, people.directory(tx, house.people))
    fresh_since = row.fresh_since or row.due_at
    waiting, count = aside.waiting(tx, row.desk, _MOST)
    if not any(one.held_at >= fresh_since for one in waiting):
        digests.told(tx, row, now)
        return
    if not rules.keepers():
        journal.alert("nobody-decides", f"{count} mails of {row.desk} wait, and nobody is owner or lead and could be told")
        digests.put_off(tx, row, morning(_NOBODY, rules, now))
        return
    digests.told(tx, row, now)
    person = next((one for one in rules.keepers() if row.person in one.addresses), None)
    if person is None:
        # He has another part now: whoever has his hears in his place.
        expect(tx, rules, fresh_since)
        return
    mails = tuple(told_of(one, fresh_since) for one in waiting)
    letter = Letter(Name.HELD, person.address, held=Held(mails, count - len(mails)))
    cause = Cause(digests.CAUSE, f"{row.id}-{row.number}")
    effect.carry_out(tx, house, rules, None, Decision(Outcome.NOTED, letters=(letter,)), cause, now)
    journal.told("held_told", desk=row.desk, mails=count)


def told_of(one: aside.Waiting, fresh_since: datetime) -> HeldMail:
    """A mail that waits, as people read of it: with the sender's own words, in which nothing can be clicked."""
    sender, envelope = one.sender or "", one.envelope or ""
    same = envelope.rpartition("@")[2] == sender.rpartition("@")[2]
    return HeldMail(
        one.row, tuple(_why(one)), "" if sender.endswith("@invalid") else sender, defused(fields.words(one.subject or "")),
        one.received_at, one.size, "" if same else defused(envelope), one.held_at >= fresh_since,
        one.state is not InboxState.QUARANTINED, one.ticket,
    )  # fmt: skip


def _why(one: aside.Waiting) -> Iterator[str]:
    """Why it was put aside, in slugs that the templates have words for; the sender's own fault is told rather than what follows from it."""
    if one.state is InboxState.QUARANTINED:
        yield from dict.fromkeys(slug if slug in HELD_WHY else "unreadable" for slug in one.reason.split(", "))
        return
    trail = json.loads(one.trail) if one.trail else []
    found = [slug for step, slug, _ in trail if step == "sender" and slug in HELD_WHY]
    yield from dict.fromkeys(found or [one.reason])


_SCHEME = re.compile(r"://")
# Mail programs make a link of `out.example` and of `www.out.example/x` alike.
_DOT = re.compile(r"(?<=\w)[.\u3002\uff0e\uff61](?=[^\W\d_]{2})")


def defused(text: str) -> str:
    """A sender's text in which no mail program finds anything to click: `http[:]//out[.]example`."""
    return _DOT.sub("[.]", _SCHEME.sub("[:]//", text[:1000]))
