"""Which figures does the machine show to Prometheus, and in which form? Counts only, never an address; whoever gives them has counted them.

prometheus-client is imported when somebody asks, so that whoever only reads the settings of the listener does not pay for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from prometheus_client import Metric

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Health(Struct, frozen=True):
    """Why no mail should come here now, as slugs (`database-down`, `disk-full`); ready where there is no reason."""

    reasons: tuple[str, ...] = ()


class Figures(Struct, frozen=True):
    """How much there is: rows by state, totals since the database was made, and ages in seconds (None: nothing to be old)."""

    inbox: Mapping[str, int] = field(default_factory=dict)
    outbox: Mapping[str, int] = field(default_factory=dict)
    accepted: int = 0
    sent: int = 0
    timers_due: int = 0
    oldest_queued: float | None = None
    breaker_open: bool = False
    last_tick: float | None = None
    fetching: Mapping[str, bool] = field(default_factory=dict)
    timers_held: bool = False


def exposition(figures: Figures) -> bytes:
    """The figures in Prometheus' text format, out of a registry of their own."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(figures))
    return generate_latest(registry)


class _Collector(Struct, frozen=True, eq=False):
    """What prometheus-client asks for its metrics; its registry knows collectors by identity."""

    figures: Figures

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        one = self.figures
        yield CounterMetricFamily("mailgate_mails_accepted", "Mails taken into the inbox.", one.accepted)
        yield CounterMetricFamily("mailgate_letters_sent", "Letters that the relay took.", one.sent)
        for name, text, rows in (
            ("mailgate_inbox_rows", "Mails in the inbox by state.", one.inbox),
            ("mailgate_outbox_rows", "Letters in the outbox by state.", one.outbox),
        ):
            family = GaugeMetricFamily(name, text, labels=("state",))
            for state, count in sorted(rows.items()):
                family.add_metric((slug(state),), count)
            yield family
        yield GaugeMetricFamily("mailgate_timers_due", "Timers that are due and have not fired.", one.timers_due)
        yield GaugeMetricFamily("mailgate_timers_held", "1 while none fires: a restore, or doubt of the clock.", int(one.timers_held))
        yield GaugeMetricFamily("mailgate_oldest_queued_seconds", "Age of the oldest mail or letter that waits.", one.oldest_queued or 0)
        yield GaugeMetricFamily("mailgate_relay_breaker_open", "1 while nothing is sent because the relay fails.", int(one.breaker_open))
        family = GaugeMetricFamily("mailgate_imap_fetching", "1 while the mails of this account are fetched.", labels=("account",))
        for account, well in sorted(one.fetching.items()):
            family.add_metric((account,), int(well))
        yield family
        if one.last_tick is not None:
            yield GaugeMetricFamily("mailgate_last_tick_age_seconds", "Time since the timers were last looked at.", one.last_tick)


def slug(text: str) -> str:
    """A reason or state as it may be shown to anyone: a text that is no slug may hold anything, and is not shown."""
    return text if _SLUG.fullmatch(text) else "unnamed"
