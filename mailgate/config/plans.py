"""What do the tables of policy.toml say of which there may be many: triage, calendars, SLAs, escalations, approvals, statuses, alarms?

The values are `desk.plans`. `rules` asks this only where policy.toml has such a table.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from mailgate.config import hours, scalars
from mailgate.config.holidays import public_holidays
from mailgate.config.ical import closed_by
from mailgate.config.monitors import READY_MADE
from mailgate.config.reader import Bad, Node, Reader, Table, choice, day, flag, integer, known, line, listed, named, quoted, shown, some
from mailgate.config.rules import Names
from mailgate.config.when import CLOCK, MAIL, TICKET, read_when
from mailgate.desk.clock import Step
from mailgate.desk.model import Level, Role, State, Status
from mailgate.desk.plans import (
    ALWAYS,
    ANSWERS,
    METRICS,
    Approval,
    Calendar,
    Category,
    Escalation,
    Metric,
    Monitor,
    OnExpire,
    OwnStatus,
    Pace,
    Rung,
    Sla,
    Stage,
)
from mailgate.desk.policy import WORDS, Policy
from mailgate.desk.workflow import STATES

_PERCENT = integer(1, 99)
# Whom an escalation may name besides a team and an address; `next` is the team of the next functional level.
_TOLD = ("technician", "lead", "manager", "owner", "requester", "next")
# Roles that may approve; `manager` is the requester's.
_APPROVERS = (Role.MANAGER, Role.LEAD, Role.APPROVER, Role.OWNER)
_ROUND_THE_CLOCK = "24x7"
# The keys of an SLA that are no metrics.
_SLA_KEYS = ("name", "when", "calendar", "warn")


def with_plans(policy: Policy, top: Table, names: Names, root: Path) -> Policy:
    """The policy with what the tables of the file `top` add to it; their faults are recorded there. Relative paths start at `root`."""
    names = replace(
        names,
        calendars=(*top.file.names("calendar"), _ROUND_THE_CLOCK),
        statuses=(*(status.value for status in Status), *top.file.names("status")),
    )
    metrics = _metrics(top, names)
    names = replace(names, metrics=tuple(one.name for one in metrics))
    return replace(
        policy,
        categories=_categories(top, names),
        calendars=tuple(_calendar(table, root) for table in _distinct(top, "calendar")),
        slas=tuple(_sla(table, names) for table in _distinct(top, "sla")),
        metrics=metrics,
        escalations=tuple(_escalation(table, names) for table in top.tables("escalation")),
        approvals=tuple(_approval(table, names) for table in top.tables("approval")),
        statuses=_statuses(top, policy),
        monitors=tuple(_monitor(table, names) for table in _distinct(top, "monitoring")),
    )


def _distinct(top: Table, key: str) -> tuple[Table, ...]:
    """Each `[[key]]`, whose names have to differ."""
    tables, seen = tuple(top.tables(key)), set[str]()
    for table in tables:
        name = table.data.get("name")
        if not isinstance(name, str):
            continue
        if name in seen:
            table.fault("name", f"there is another [[{key}]] {quoted(name)}")
        seen.add(name)
    return tables


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


def _calendar(table: Table, root: Path) -> Calendar:
    default = Calendar("")
    events = table.get("ical", some(closed_by(root)), ())
    return Calendar(
        name=table.need("name", _calendar_name, ""),
        timezone=table.get("timezone", scalars.timezone, default.timezone),
        hours=table.get("hours", hours.hours, default.hours),
        holidays=table.get("holidays", public_holidays, default.holidays),
        closed=(*table.get("closed", listed(day), ()), *chain.from_iterable(events)),
    )


def _calendar_name(node: Node) -> str:
    if node.value == _ROUND_THE_CLOCK:
        raise Bad(f"{quoted(_ROUND_THE_CLOCK)} is round the clock; call it something else")
    return line(node)


def _sla(table: Table, names: Names) -> Sla:
    calendar = table.get("calendar", known(names.calendars, "calendar"), None)
    return Sla(
        name=table.need("name", line, ""),
        when=read_when(table, names, TICKET),
        calendar=None if calendar == _ROUND_THE_CLOCK else calendar,
        targets=tuple((name, target) for name in names.metrics if (target := table.get(name, scalars.duration, None)) is not None),
        warn=tuple(sorted(table.get("warn", listed(_PERCENT), ()))),
    )


def _metrics(top: Table, names: Names) -> tuple[Metric, ...]:
    """Ours, each as the operator has it where he names it, and his own."""
    usual = {one.name: one for one in METRICS}
    told = [_metric(table, names, usual.get(str(table.data.get("name")))) for table in _distinct(top, "metric")]
    own = {one.name: one for one in told}
    return (*(own.pop(one.name, one) for one in METRICS), *own.values())


def _metric(table: Table, names: Names, usual: Metric | None) -> Metric:
    words, some_words = _condition(names), _condition(names, empty=False)
    name = table.need("name", scalars.word, "")
    if name in _SLA_KEYS:
        table.fault("name", f"{quoted(name)} is another key of [[sla]]")
    nothing = frozenset[str]()
    metric = Metric(
        name=name,
        start=table.get("start", some_words, usual.start) if usual else table.need("start", some_words, nothing),
        stop=table.get("stop", some_words, usual.stop) if usual else table.need("stop", some_words, nothing),
        pause=table.get("pause", words, usual.pause if usual else nothing),
        resume=table.get("resume", words, usual.resume if usual else nothing),
        cancel=table.get("cancel", words, usual.cancel if usual else nothing),
        anew=usual.anew if usual else True,
    )
    _effective(table, "start", metric.start, metric.cancel | metric.stop, "ends it at once")
    _effective(table, "resume", metric.resume, metric.pause, "halts it")
    return metric


def _effective(table: Table, key: str, words: frozenset[str], stronger: frozenset[str], what: str) -> None:
    """Records each word of a condition that can do nothing, since one that is asked before it holds wherever it does."""
    for word in sorted(words):
        covers = {word} | ({STATES[Status(word)].value} if word in tuple(Status) else set())
        if covering := sorted(covers & stronger):
            table.fault(key, f"{quoted(word)} does nothing: {quoted(covering[0])} {what}")


def _condition(names: Names, *, empty: bool = True) -> Reader[frozenset[str]]:
    """Words of a metric's condition: states, statuses, and what may be said of answers."""
    each = known((*(state.value for state in State), *names.statuses, *ANSWERS), "state or status")

    def read(node: Node) -> frozenset[str]:
        if not empty and node.value == []:
            raise Bad("names no state and no status")
        return frozenset(some(each)(node))

    return read


def _escalation(table: Table, names: Names) -> Escalation:
    return Escalation(
        when=read_when(table, names, CLOCK),
        quiet=table.get("quiet", flag, True),
        steps=tuple(sorted(table.need("steps", listed(_rung(names.teams)), ()), key=lambda rung: rung.at)),
    )


def _rung(teams: Collection[str]) -> Reader[Rung]:
    def read(node: Node) -> Rung:
        table = node.table()
        return Rung(at=table.need("at", hours.step, Step(100)), to=table.need("to", some(_told(teams)), ()))

    return read


def _told(teams: Collection[str]) -> Reader[str]:
    def read(node: Node) -> str:
        if isinstance(node.value, str) and "@" in node.value:
            return scalars.address(node)
        return known((*_TOLD, *teams), "role or team")(node)

    return read


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


def _statuses(top: Table, policy: Policy) -> tuple[OwnStatus, ...]:
    statuses: list[OwnStatus] = []
    taken = {name.lower() for name in (*Status, *State)}
    verbs = WORDS | policy.verbs_by_word.keys()
    for table in top.tables("status"):
        status = _status(table)
        if status.name.lower() in taken:
            table.fault("name", f"there is a status or a state {quoted(status.name)} already")
        if status.verb in verbs:
            table.fault("verb", f"{quoted(status.verb)} is a command already")
        taken.add(status.name.lower())
        verbs |= {status.verb} if status.verb else set()
        statuses.append(status)
    return tuple(statuses)


def _status(table: Table) -> OwnStatus:
    state = table.need("state", choice(State), State.OPEN)
    usual = {State.ON_HOLD: Pace.PAUSED, State.RESOLVED: Pace.MET, State.CLOSED: Pace.MET}.get(state, Pace.RUNS)
    return OwnStatus(
        name=table.need("name", line, ""),
        state=state,
        sla=table.get("sla", choice(Pace), usual),
        verb=table.get("verb", scalars.word, None),
    )


def _monitor(table: Table, names: Names) -> Monitor:
    like = table.get("like", named(READY_MADE, "kind of monitoring"), None)
    return Monitor(
        name=table.need("name", line, ""),
        key=table.get("key", _grouped, like.key) if like else table.need("key", _grouped, re.compile("()")),
        recovered=table.get("recovered", scalars.pattern, like.recovered if like else None),
        remark=table.get("remark", scalars.pattern, like.remark if like else None),
        when=read_when(table, names, MAIL),
    )


def _grouped(node: Node) -> re.Pattern[str]:
    pattern = scalars.pattern(node)
    if not pattern.groups:
        raise Bad(f"{shown(node.value)} needs a group in brackets, whose text is the key")
    return pattern
