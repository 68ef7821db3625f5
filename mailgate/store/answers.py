"""Which answers of technicians crossed, and which are held back? Read inside the transaction that decides about the next one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Boolean, and_, bindparam, func, not_, or_, select

from mailgate.desk.collision import REASON
from mailgate.desk.letters import HELD
from mailgate.desk.model import Address, TicketId
from mailgate.desk.stimuli import Meanwhile
from mailgate.store import schema
from mailgate.store.engine import Tx
from mailgate.store.inbox import InboxState
from mailgate.store.outbox import OutboxState
from mailgate.store.statement import Statement

_m, _o, _i = schema.messages, schema.outbox, schema.inbox
_HERE = _m.c.ticket == bindparam("ticket")
_OTHERS = Statement(lambda database: (
    select(_m.c.id, _m.c.author, _m.c.text, _m.c.at)
    .where(_HERE, _m.c.direction == "out", not_(database.among(_m.c.author, "people"))).order_by(_m.c.id.desc()).limit(1)
))  # fmt: skip
_OWN = Statement(lambda database: (
    select(func.max(_m.c.id).label("id"))
    .where(_HERE, database.among(_m.c.author, "people"),
           or_(_m.c.direction == "out", and_(_m.c.note == HELD, not_(bindparam("insists", type_=Boolean)))))
))  # fmt: skip
_ANSWERED = Statement(lambda database: (
    select(func.max(_o.c.created_at).label("at")).where(database.among(_o.c.message_id, "letters"), _o.c.ticket == bindparam("ticket"))
))  # fmt: skip
_NEWEST = Statement(lambda database: (
    select(func.max(_o.c.created_at).label("at"))
    .where(_o.c.ticket == bindparam("ticket"), database.among(_o.c.recipient, "people"), _o.c.state != OutboxState.SUPPRESSED)
))  # fmt: skip
_HELD = Statement(lambda database: (
    select(_m.c.inbox).join(_i, _i.c.id == _m.c.inbox)
    .where(_HERE, database.among(_m.c.author, "people"), _m.c.note == HELD, _i.c.state == InboxState.DONE, _i.c.reason == REASON)
    .order_by(_m.c.id.desc()).limit(1)
))  # fmt: skip


def meanwhile(tx: Tx, ticket: TicketId, people: Sequence[Address], letters: Sequence[str], *, insists: bool) -> Meanwhile | None:
    """The newest answer of somebody else on the ticket that the person with these addresses had not seen when he wrote; None where he had.

    He has seen what went out before the newest of these letters of ours was written; where it is not known which he answers, before the
    newest that he was sent. With his own last answer, sent or held, he was told of what went before; `insists` leaves out the held ones.
    """
    known = {"ticket": ticket, "people": list(people)}
    other = _OTHERS.row(tx, known)
    if other is None:
        return None
    own = _OWN.row(tx, {**known, "insists": insists})
    if own is not None and own.id is not None and own.id > other.id:
        return None
    seen = _ANSWERED.row(tx, {"ticket": ticket, "letters": list(letters)}) if letters else None
    if seen is None or seen.at is None:
        seen = _NEWEST.row(tx, known)
    if seen is not None and seen.at is not None and seen.at >= other.at:
        return None
    return Meanwhile(Address(other.author), other.text)


def held(tx: Tx, ticket: TicketId, people: Sequence[Address]) -> int | None:
    """The inbox row of the newest answer of this person on the ticket that is held back."""
    found = _HELD.row(tx, {"ticket": ticket, "people": list(people)})
    return None if found is None else int(found.inbox)
