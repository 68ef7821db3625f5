"""What does policy.toml say: triage, clocks, ladders, approvals, letters, words? The values are `desk.policy`'s, with its defaults."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from itertools import pairwise

from mailgate.config import scalars
from mailgate.config.reader import Bad, File, Node, Reader, Table, choice, day, flag, integer, known, line, listed, quoted, shown, some
from mailgate.config.when import CLOCK, MAIL, TICKET, Names, read_when
from mailgate.desk.model import Level, Priority, Role, State, Status
from mailgate.desk.policy import (
    ALWAYS,
    SYNONYMS,
    WORDS,
    AckUnverified,
    Approval,
    AssignBy,
    Autoclose,
    Budgets,
    Calendar,
    Category,
    CcConfirm,
    Clock,
    Collision,
    Escalation,
    Monitor,
    OnExpire,
    OwnStatus,
    Pending,
    Policy,
    PriorityMatrix,
    Quiet,
    ResolvedReply,
    Retention,
    Rung,
    Sla,
    Stage,
    Step,
)

_PERCENT = integer(1, 99)
_COUNT = integer(0, 1_000_000)
# Whom an escalation may name besides a team and an address; `next` is the team of the next functional level.
_TOLD = ("technician", "lead", "manager", "owner", "next")
# Roles that may approve; `manager` is the requester's.
_APPROVERS = (Role.MANAGER, Role.LEAD, Role.APPROVER, Role.OWNER)
_ROUND_THE_CLOCK = "24x7"
_WORD = re.compile(r"[^\W\d_][\w-]{0,31}")


def read_policy(file: File, names: Names) -> Policy:
    """The rules of policy.toml; its faults are recorded in the file. `names` are the desks, teams and organisations of the other files."""
    top = file.root()
    names = Names(
        desks=names.desks,
        teams=names.teams,
        organisations=names.organisations,
        calendars=(*file.names("calendar"), _ROUND_THE_CLOCK),
        statuses=(*(status.value for status in Status), *file.names("status")),
    )
    letters = top.table("letters")
    return Policy(
        priority=_priority(top.table("priority")),
        categories=_categories(top, names),
        calendars=tuple(_calendar(table) for table in _distinct(top, "calendar")),
        slas=tuple(_sla(table, names) for table in _distinct(top, "sla")),
        escalations=tuple(_escalation(table, names) for table in top.tables("escalation")),
        pending=_pending(top.table("pending")),
        autoclose=_autoclose(top.table("autoclose")),
        approvals=tuple(_approval(table, names) for table in top.tables("approval")),
        resolved_reply=top.table("resolved").get("reply", choice(ResolvedReply), ResolvedReply.REOPEN),
        assign_by=top.table("assign").get("by", choice(AssignBy), AssignBy.HAND),
        ack_unverified=top.table("ack").get("unverified", choice(AckUnverified), AckUnverified.PLAIN),
        cc_confirm=top.table("cc").get("confirm", choice(CcConfirm), CcConfirm.PARTICIPANT),
        collision=letters.get("collision", choice(Collision), Collision.SEND),
        budgets=_budgets(letters.table("budgets")),
        synonyms=_synonyms(top.table("commands").table("synonyms")),
        statuses=_statuses(top),
        quiet=_quiet(top.table("quiet")),
        retention=_retention(top.table("retention")),
        monitors=tuple(_monitor(table, names) for table in _distinct(top, "monitoring")),
    )


def _distinct(top: Table, key: str) -> tuple[Table, ...]:
    """Each `[[key]]`, whose names have to differ."""
    tables, seen = tuple(top.tables(key)), set[object]()
    for table in tables:
        name = table.data.get("name")
        if isinstance(name, str) and name in seen:
            table.fault("name", f"there is another [[{key}]] {quoted(name)}")
        seen.add(name)
    return tables


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


def _categories(top: Table, names: Names) -> tuple[Category, ...]:
    """Each [[category]]; behind one whose condition always holds, or holds as well, no other is ever reached."""
    categories: list[Category] = []
    greedy: Category | None = None
    for table in top.tables("category"):
        category = _category(table, names)
        same = next((one for one in categories if one.when == category.when != ALWAYS), None)
        before = greedy or same
        if before:
            table.fault("name", f"never reached: {quoted(before.name)} above it takes every mail that it would")
        # A condition whose every key is wrong is not one that always holds.
        if not greedy and not table.data.get("when"):
            greedy = category
        categories.append(category)
    return tuple(categories)


def _category(table: Table, names: Names) -> Category:
    return Category(
        name=table.need("name", line, ""),
        when=read_when(table, names, MAIL),
        team=table.get("team", known(names.teams, "team"), None),
        service=table.get("service", line, None),
        type=table.get("type", line, None),
        impact=table.get("impact", choice(Level), None),
        urgency=table.get("urgency", choice(Level), None),
        tags=table.get("tags", listed(line), ()),
        confidential=table.get("confidential", flag, False),
    )


def _calendar(table: Table) -> Calendar:
    default = Calendar("")
    return Calendar(
        name=table.need("name", line, ""),
        timezone=table.get("timezone", scalars.timezone, default.timezone),
        hours=table.get("hours", scalars.hours, default.hours),
        holidays=table.get("holidays", scalars.holidays, default.holidays),
        closed=table.get("closed", listed(day), default.closed),
    )


def _sla(table: Table, names: Names) -> Sla:
    calendar = table.get("calendar", known(names.calendars, "calendar"), None)
    return Sla(
        name=table.need("name", line, ""),
        when=read_when(table, names, TICKET),
        calendar=None if calendar == _ROUND_THE_CLOCK else calendar,
        first_response=table.get("first_response", scalars.duration, None),
        next_response=table.get("next_response", scalars.duration, None),
        resolution=table.get("resolution", scalars.duration, None),
        warn=tuple(sorted(table.get("warn", listed(_PERCENT), ()))),
    )


def _escalation(table: Table, names: Names) -> Escalation:
    return Escalation(
        when=read_when(table, names, CLOCK),
        steps=tuple(sorted(table.need("steps", listed(_rung(names.teams)), ()), key=lambda rung: rung.at)),
    )


def _rung(teams: Collection[str]) -> Reader[Rung]:
    def read(node: Node) -> Rung:
        table = node.table()
        return Rung(at=table.need("at", scalars.step, Step(100)), to=table.need("to", some(_told(teams)), ()))

    return read


def _told(teams: Collection[str]) -> Reader[str]:
    def read(node: Node) -> str:
        if isinstance(node.value, str) and "@" in node.value:
            return scalars.address(node)
        return known((*_TOLD, *teams), "role or team")(node)

    return read


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


def _approval(table: Table, names: Names) -> Approval:
    return Approval(
        stages=table.need("stages", listed(_stage), ()),
        when=read_when(table, names, TICKET),
        auto_submit=table.get("auto_submit", flag, True),
        remind=table.get("remind", listed(scalars.duration), Approval(()).remind),
        expire=table.get("expire", scalars.duration, Approval(()).expire),
        on_expire=table.get("on_expire", choice(OnExpire), OnExpire.ESCALATE),
        step_up=table.get("step_up", flag, False),
    )


def _stage(node: Node) -> Stage:
    table = node.table()
    approvers = table.need("approvers", some(_approver), ())
    need = table.get("need", _needed, None)
    if need is not None and need > len(approvers) and approvers and all("@" in one for one in approvers):
        table.fault("need", f"{need} can never agree where {len(approvers)} are asked")
    return Stage(approvers, need)


def _approver(node: Node) -> str:
    if isinstance(node.value, str) and "@" in node.value:
        return scalars.address(node)
    return known((role.value for role in _APPROVERS), "approver")(node)


def _needed(node: Node) -> int | None:
    match node.value:
        case "all":
            return None
        case "any":
            return 1
        case int():
            return integer(1, 99)(node)
        case _:
            raise Bad(f'must be "all", "any" or a number, not {shown(node.value)}')


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
            words = verbs.get(verb, listed(_word), None) if verbs else None
            if words is not None:
                synonyms.setdefault(language, {})[verb] = words
    _check_words(table, synonyms)
    return synonyms


def _language_table(node: Node) -> Table:
    scalars.language(Node(node.file, node.keys, node.keys[-1]))
    return node.table()


def _word(node: Node) -> str:
    word = line(node).lower().removeprefix("#")
    if not _WORD.fullmatch(word):
        raise Bad(f"must be one word of letters, not {shown(node.value)}")
    return word


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


def _statuses(top: Table) -> tuple[OwnStatus, ...]:
    statuses: list[OwnStatus] = []
    taken = {status.value.lower() for status in Status}
    verbs = set(WORDS)
    for table in top.tables("status"):
        status = _status(table)
        if status.name.lower() in taken:
            table.fault("name", f"there is a status {quoted(status.name)} already")
        if status.verb in verbs:
            table.fault("verb", f"{quoted(status.verb)} is a command already")
        taken.add(status.name.lower())
        verbs.update([status.verb] if status.verb else [])
        statuses.append(status)
    return tuple(statuses)


def _status(table: Table) -> OwnStatus:
    state = table.need("state", choice(State), State.OPEN)
    usual = {State.ON_HOLD: Clock.PAUSED, State.RESOLVED: Clock.MET, State.CLOSED: Clock.MET}.get(state, Clock.RUNS)
    return OwnStatus(
        name=table.need("name", line, ""),
        state=state,
        sla=table.get("sla", choice(Clock), usual),
        verb=table.get("verb", _word, None),
    )


def _quiet(table: Table) -> Quiet:
    return Quiet(hours=table.get("hours", scalars.night, Quiet().hours), timezone=table.get("timezone", scalars.timezone, None))


def _retention(table: Table) -> Retention:
    return Retention(
        tickets=table.get("tickets", scalars.duration_or_never, None),
        mails=table.get("mails", scalars.duration_or_never, None),
        ignored=table.get("ignored", scalars.duration_or_never, None),
    )


def _monitor(table: Table, names: Names) -> Monitor:
    return Monitor(
        name=table.need("name", line, ""),
        key=table.need("key", _grouped, re.compile("()")),
        recovered=table.get("recovered", scalars.pattern, None),
        when=read_when(table, names, MAIL),
    )


def _grouped(node: Node) -> re.Pattern[str]:
    pattern = scalars.pattern(node)
    if not pattern.groups:
        raise Bad(f"{shown(node.value)} needs a group in brackets, whose text is the key")
    return pattern
