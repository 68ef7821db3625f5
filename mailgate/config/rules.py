"""What does policy.toml say: ladders, letters, budgets, words? The values are `desk.policy`'s, with its defaults; `plans` stand beside."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mailgate.config import scalars
from mailgate.config.reader import Bad, File, Node, Table, choice, integer, known, listed, quoted
from mailgate.desk.model import Level, Priority
from mailgate.desk.policy import (
    SYNONYMS,
    WORDS,
    AckUnverified,
    AssignBy,
    Autoclose,
    Budgets,
    CcConfirm,
    Collision,
    Digests,
    Pending,
    Policy,
    PriorityMatrix,
    Quiet,
    ResolvedReply,
    Retention,
)

if TYPE_CHECKING:
    from mailgate.desk.plans import Week

_COUNT = integer(0, 1_000_000)
# The tables that `plans` reads.
_PLANS = ("category", "calendar", "sla", "metric", "escalation", "approval", "status", "monitoring")


class Names(Struct, frozen=True):
    """What a rule may refer to by its name."""

    desks: Collection[str] = ()
    teams: Collection[str] = ()
    organisations: Collection[str] = ()
    calendars: Collection[str] = ()
    statuses: Collection[str] = ()
    metrics: Collection[str] = ()


def read_policy(file: File, names: Names, root: Path) -> Policy:
    """The rules of policy.toml; its faults are recorded in the file. `names` are the desks, teams and organisations of the other files.

    Relative paths start at `root`.
    """
    top = file.root()
    policy = _without_plans(top)
    top.asked |= dict.fromkeys(_PLANS)
    if not any(name in top for name in _PLANS):
        return policy
    # Only a desk with such tables pays for knowing what may stand in them.
    from mailgate.config.plans import with_plans

    return with_plans(policy, top, names, root)


def _without_plans(top: Table) -> Policy:
    letters = top.table("letters")
    return Policy(
        priority=_priority(top.table("priority")),
        pending=_pending(top.table("pending")),
        autoclose=_autoclose(top.table("autoclose")),
        resolved_reply=top.table("resolved").get("reply", choice(ResolvedReply), ResolvedReply.REOPEN),
        assign_by=top.table("assign").get("by", choice(AssignBy), AssignBy.HAND),
        ack_unverified=top.table("ack").get("unverified", choice(AckUnverified), AckUnverified.PLAIN),
        cc_confirm=top.table("cc").get("confirm", choice(CcConfirm), CcConfirm.PARTICIPANT),
        collision=letters.get("collision", choice(Collision), Collision.SEND),
        budgets=_budgets(letters.table("budgets")),
        synonyms=_synonyms(top.table("commands").table("synonyms")),
        quiet=_quiet(top.table("quiet")),
        digests=_digests(top.table("digest")),
        retention=_retention(top.table("retention")),
    )


def _priority(table: Table) -> PriorityMatrix:
    built_in = PriorityMatrix()
    default = table.get("default", choice(Priority), built_in.default)
    matrix = table.table("matrix")
    if not matrix.data:
        return PriorityMatrix(built_in.cells, default)
    cells = {}
    for impact in Level:
        row = matrix.table(impact)
        for urgency in Level:
            priority = row.get(urgency, choice(Priority), None)
            if priority:
                cells[impact, urgency] = priority
    return PriorityMatrix(cells, default)


def _pending(table: Table) -> Pending:
    default = Pending()
    after = table.get("resolve_after", scalars.duration, default.resolve_after)
    pending = Pending(
        remind=table.get("remind", listed(scalars.duration), tuple(_scaled(rung, after, default.resolve_after) for rung in default.remind)),
        resolve_after=after,
    )
    _check_ladder(table, [("remind", pending.remind), ("resolve_after", (after,))])
    return pending


def _autoclose(table: Table) -> Autoclose:
    default = Autoclose()
    after = table.get("after", scalars.duration, default.after)
    autoclose = Autoclose(
        remind=table.get("remind", listed(scalars.duration), tuple(_scaled(rung, after, default.after) for rung in default.remind)),
        warn=table.get("warn", scalars.duration, _scaled(default.warn, after, default.after)),
        after=after,
    )
    _check_ladder(table, [("remind", autoclose.remind), ("warn", (autoclose.warn,)), ("after", (after,))])
    return autoclose


def _scaled(rung: timedelta, after: timedelta, usual: timedelta) -> timedelta:
    """A rung that nobody set keeps its place on a ladder of another length, so that nobody is closed unwarned."""
    return rung * (after / usual)


def _check_ladder(table: Table, rungs: list[tuple[str, tuple[timedelta, ...]]]) -> None:
    """Every rung has to come later than the one before it. Only what stands in the file is blamed."""
    steps = [(key, at) for key, times in rungs for at in times]
    for (key, at), (later, end) in pairwise(steps):
        if at >= end:
            blamed = key if key in table else later
            table.fault(blamed, "has to rise" if key == later else f"{key} has to come before {later}")
            return


def _budgets(table: Table) -> Budgets:
    default = Budgets()
    return Budgets(
        acknowledgements_per_ticket=table.get("acknowledgements_per_ticket", _COUNT, default.acknowledgements_per_ticket),
        letters_per_day=table.get("letters_per_day", _COUNT, default.letters_per_day),
        claimed_per_day=table.get("claimed_per_day", _COUNT, default.claimed_per_day),
        staff_per_hour=table.get("staff_per_hour", _COUNT, default.staff_per_hour),
        instance_per_minute=table.get("instance_per_minute", integer(1, 1_000_000), default.instance_per_minute),
    )


def _synonyms(table: Table) -> dict[str, dict[str, tuple[str, ...]]]:
    """Ours, with the operator's in the place of each verb that he names. By language, then by verb; a word stands for one verb only."""
    synonyms = {language: dict(verbs) for language, verbs in SYNONYMS.items()}
    for language in table.data:
        verbs = table.get(language, _language_table, None)
        for verb in sorted(WORDS) if verbs else ():
            words = verbs.get(verb, listed(scalars.word), None) if verbs else None
            if words is not None:
                synonyms.setdefault(language, {})[verb] = words
    _check_words(table, synonyms)
    return synonyms


def _language_table(node: Node) -> Table:
    scalars.language(Node(node.file, node.keys, node.keys[-1]))
    return node.table()


def _check_words(table: Table, synonyms: dict[str, dict[str, tuple[str, ...]]]) -> None:
    meanings = {word: word for word in WORDS}
    # Ours first, so that a clash is told where the operator's word stands.
    entries = [(language, verb, word) for language, verbs in synonyms.items() for verb, words in verbs.items() for word in words]
    for language, verb, word in sorted(entries, key=lambda entry: _stands(table, entry[0], entry[1])):
        meaning = meanings.setdefault(word, verb)
        if meaning != verb:
            why = "is a command itself" if word == meaning else f"means {quoted(meaning)} already"
            table.file.fault((*table.keys, language, verb), f"{quoted(word)} {why}")


def _stands(table: Table, language: str, verb: str) -> bool:
    verbs = table.data.get(language)
    return isinstance(verbs, dict) and verb in verbs


def _quiet(table: Table) -> Quiet:
    return Quiet(hours=table.get("hours", _night, Quiet().hours), timezone=table.get("timezone", scalars.timezone, None))


def _night(node: Node) -> Week:
    from mailgate.config.hours import night
    from mailgate.desk.plans import ROUND_THE_CLOCK

    if (week := night(node)) == ROUND_THE_CLOCK:
        raise Bad("leaves no hour in which anybody could be told")
    return week


def _digests(table: Table) -> Digests:
    calendars = (*table.file.names("calendar"), "24x7")
    return Digests(
        daily=table.get("daily", scalars.clock_or_never, None),
        weekly=table.get("weekly", scalars.weekday_or_never, None),
        calendar=table.get("calendar", known(calendars, "calendar"), None),
    )


def _retention(table: Table) -> Retention:
    return Retention(
        tickets=table.get("tickets", scalars.duration_or_never, None),
        mails=table.get("mails", scalars.duration_or_never, None),
        ignored=table.get("ignored", scalars.duration_or_never, None),
    )
