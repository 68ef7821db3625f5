"""What follows when somebody decides about mails that wait for a human? Who may is settled here too: the owner, or the leads without one.

All or nothing, as with every command; what is ordered comes true in the transaction of the mail that orders it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from mailgate.desk.authority import proven
from mailgate.desk.decision import Decision, MailOrder, Outcome, Refusal
from mailgate.desk.held import VERBS, Asked, Holding, PutAside, whole_domain
from mailgate.desk.letters import UNPROVEN, Became, Held, Letter, Line, Name
from mailgate.desk.model import Address, Role
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Nature, Wrote

# A receipt shows as much of a line as its writer needs to know it again.
_LONGEST_SHOWN = 200


def decided(wrote: Wrote, holding: Holding, rules: Rules) -> Decision:
    """The desk's answer to somebody of people.toml who answers a digest of held mails."""
    if wrote.nature is not Nature.HUMAN:
        return Decision(Outcome.IGNORED, wrote.nature_because or "machine")
    if not proven(wrote, rules):
        return _unproven(wrote, holding)
    if not _keeps(wrote, rules):
        return _answered(wrote, holding, rules, [Refusal(one.line, "not-the-owner") for one in holding.orders])
    # Of another desk's mails and tickets, whoever has no say in them is not even told that they are there.
    mine = {row: mail for row, mail in holding.mails.items() if _keeps(wrote, rules.at(mail.desk))}
    known = {number: desk for number, desk in holding.tickets.items() if _keeps(wrote, rules.at(desk))}
    holding = replace(holding, mails=mine, tickets=known)
    refusals = [refusal for one in holding.orders if (refusal := _fault(one, holding, rules)) is not None]
    refusals += _named_twice(holding)
    return _answered(wrote, holding, rules, refusals)


def _keeps(wrote: Wrote, rules: Rules) -> bool:
    return any(wrote.person.address in keeper.addresses for keeper in rules.keepers())


def _unproven(wrote: Wrote, holding: Holding) -> Decision:
    """Somebody wrote in his name; his registered address is told once a day."""
    refusal = Refusal(holding.orders[0].line if holding.orders else "", "needs-stronger-sender")
    line = Line(refusal.line[:_LONGEST_SHOWN], ok=False, wrong=refusal.slug)
    told = () if wrote.told_today else (Letter(Name.RECEIPT, wrote.person.address, lines=(line,), note=UNPROVEN, held=Held()),)
    return Decision(Outcome.REFUSED, refusal.slug, letters=told, refusals=(refusal,))


def _answered(wrote: Wrote, holding: Holding, rules: Rules, refusals: list[Refusal]) -> Decision:
    if not holding.orders:
        refusals = [Refusal("", "unknown-verb", VERBS[0].example)]
    if refusals:
        wrong = {refusal.line: refusal for refusal in reversed(refusals)}
        lines = tuple(_refused(one, holding, rules, wrong.get(one.line)) for one in holding.orders)
        lines = lines or (Line("", ok=False, wrong="unknown-verb", instead=VERBS[0].example),)
        letter = Letter(Name.RECEIPT, wrote.person.address, lines=lines, note="undecided", held=Held())
        return Decision(Outcome.REFUSED, refusals[0].slug, letters=(letter,), refusals=tuple(refusals))
    orders = tuple(order for one in holding.orders for order in _orders(one, holding, wrote.person.address))
    blocked = [order.row for order in orders if order.verb == "block" and order.row]
    lines = tuple(_done(one, holding) for one in holding.orders)
    told = Held(blocked=blocked[0] if len(blocked) == 1 else 0)
    letter = Letter(Name.RECEIPT, wrote.person.address, lines=lines, note="decided", held=told)
    return Decision(Outcome.COMMANDED, ",".join(dict.fromkeys(one.verb for one in orders)), letters=(letter,), orders=orders)


def _orders(asked: Asked, holding: Holding, by: Address) -> Iterator[MailOrder]:
    """What has to be done, row by row."""
    if not asked.rows:
        yield MailOrder(asked.verb, 0, by, sender=asked.sender)
    for row in asked.rows:
        yield MailOrder(asked.verb, row, by, asked.ticket, _blocks(asked, _mail(holding, row)))


def _blocks(asked: Asked, mail: PutAside | None) -> str:
    """The sender that an order about a mail blocks, or whose block it lifts."""
    if asked.verb == "unblock":
        return mail.verdict.detail if mail and mail.verdict and mail.verdict.verb == "block" else ""
    sender = mail.sender if mail and asked.verb == "block" else None
    return (whole_domain(sender) if asked.domain else sender) if sender else ""


def _mail(holding: Holding, row: int) -> PutAside | None:
    return holding.mails.get(row)


def _fault(asked: Asked, holding: Holding, rules: Rules) -> Refusal | None:
    """The first thing that is wrong with an order, if anything is."""
    if asked.error:
        return Refusal(asked.line, asked.error, asked.instead)
    mails = [(row, _mail(holding, row)) for row in asked.rows]
    waiting = [row for row, mail in mails if mail is not None and mail.waits]
    if any(mail is None for _, mail in mails):
        return Refusal(asked.line, "no-such-mail", _without(asked, waiting))
    if asked.ticket is not None and asked.ticket not in holding.tickets:
        return Refusal(asked.line, "no-such-ticket")
    senders = [asked.sender] if not mails else [_blocks(asked, mail) for _, mail in mails]
    if asked.verb == "unblock":
        return None if all(one in rules.people.blocked for one in senders) else Refusal(asked.line, "no-such-block")
    if len(waiting) < len(mails):
        return Refusal(asked.line, "already-decided", _without(asked, waiting))
    return _unblockable(asked, senders, holding, rules) if asked.verb == "block" else None


def _unblockable(asked: Asked, senders: list[str], holding: Holding, rules: Rules) -> Refusal | None:
    """Why one of these senders cannot be blocked, if one cannot."""
    if not all(senders):
        return Refusal(asked.line, "no-sender", f"drop {' '.join(map(str, asked.rows))}")
    if any(is_ours(one, rules) for one in senders):
        return Refusal(asked.line, "is-a-colleague", _instead_of_colleague(asked, holding, rules))
    return None


def _without(asked: Asked, rows: list[int]) -> str:
    """The same order for the mails that still wait."""
    if not rows:
        return ""
    words = (asked.verb, "domain" if asked.domain else "", *map(str, rows), str(asked.ticket or ""))
    return " ".join(filter(None, words))


def is_ours(sender: str, rules: Rules) -> bool:
    """Whether this address or domain is the desk's, or that of somebody who works here or decides: they are never blocked."""
    domain = sender.rpartition("@")[2]
    own = {address.rpartition("@")[2] for desk in (rules.desk, *rules.desks) for address in desk.addresses}
    if sender.startswith("@"):
        return any(one == domain or one.endswith(f".{domain}") for one in own | set(rules.people.domains()))
    person = rules.people.find(Address(sender))
    return rules.is_own(Address(sender)) or (person is not None and person.role is not Role.REQUESTER)


def _instead_of_colleague(asked: Asked, holding: Holding, rules: Rules) -> str:
    """Who forges a colleague handed his mail over under another address, which can be blocked."""
    mail = _mail(holding, asked.rows[0]) if asked.rows else None
    if mail is None:
        return ""
    envelope = mail.envelope
    return f"block {envelope}" if envelope and "@" in envelope and not is_ours(envelope, rules) else f"drop {mail.row}"


def _named_twice(holding: Holding) -> Iterator[Refusal]:
    """No mail can be the matter of two orders."""
    times = Counter(row for one in holding.orders for row in one.rows)
    for one in holding.orders:
        if not one.error and any(times[row] > 1 for row in one.rows):
            yield Refusal(one.line, "named-twice")


def _seen(asked: Asked) -> str:
    return asked.line if len(asked.line) <= _LONGEST_SHOWN else f"{asked.line[: _LONGEST_SHOWN - 1]}…"


def _done(asked: Asked, holding: Holding) -> Line:
    """What became of an order, and behind a block the line that lifts it."""
    blocked = asked.sender or next(filter(None, (_blocks(asked, _mail(holding, row)) for row in asked.rows)), "")
    return Line(_seen(asked), ok=True, wrong=asked.verb, instead=f"unblock {blocked}" if asked.verb == "block" else "")


def _refused(asked: Asked, holding: Holding, rules: Rules, wrong: Refusal | None) -> Line:
    if wrong is None:
        return Line(_seen(asked), ok=True)
    return Line(
        _seen(asked), False, wrong.slug, wrong.instead, became=_became(asked, holding, rules) if wrong.slug == "already-decided" else None
    )


def _became(asked: Asked, holding: Holding, rules: Rules) -> Became | None:
    """What became of the first of these mails that does not wait any more."""
    decided = (mail for row in asked.rows if (mail := _mail(holding, row)) is not None and not mail.waits)
    mail = next(decided, None)
    if mail is None or mail.verdict is None:
        return None
    person = rules.people.find(Address(mail.verdict.actor))
    tag = f"{rules.desk.tag}-{mail.ticket}" if mail.ticket else ""
    return Became(mail.verdict.verb, person.label if person else mail.verdict.actor, mail.verdict.at, tag)
