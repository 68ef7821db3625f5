"""Does any mail, however odd, trouble the desk? Every verb with arguments that nobody would think of, from everybody, at any ticket.

Whatever is written: each mail reaches its end, nothing is logged as a fault of ours, and the ledger adds up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk.model import Address, Directory, Person, Role, Team
from mailgate.desk.policy import Desk
from mailgate.desk.tokens import THREAD
from mailgate.desk.workflow import VERBS, Verb
from mailgate.flow import journal
from tests.kit.office import DESK, MAX, OLGA, TINA, TOM, Office, aligned, mail
from tests.stories.conftest import GUARDED

HR = Desk("Human Resources", Address("hr@desk.example"), tag="HR", teams=("people",), confidential=True)
HANNA = Person(Address("hanna@desk.example"), "Hanna Hart", Role.TECHNICIAN, team="people")
STAFF = Directory((TINA, TOM, HANNA, OLGA, MAX), (Team("first"), Team("people")))
EVERYBODY = (TINA.address, TOM.address, HANNA.address, OLGA.address, MAX.address, "ann@out.example", "eve@evil.example")
NASTY = (
    "", "off", "0", "-1", "1", "2", "3", "9" * 18, "9" * 19, "9" * 5000, "²", "٣", "MG-1", "[MG-2]", "me", "tina", "@", "<", "a@b",
    "ann@out.example", "desk@desk.example", "desk+t.1.x@desk.example", "help@vendor.example Can you?", "add ann@out.example", "remove tina",
    "../../etc/passwd", "..\\x", "which-device", "WHICH-DEVICE", "a\x00b", "\u2028#spam", "\x85", "{{7*7}}", "{% raw %}", "%s%n{0}",
    "'; DROP TABLE tickets;--", '" OR NEAR(', "*", "a:* & !b", "fri 9:00", "fri 99:99", "in 9999w 9999w", "in 1e9h", "30m", "99999h",
    "until 30.02.", "until friday", "from 1.1. until 2.1.", "until 9999-12-31", "31.12.9999", "00.00.", "24:00", "new", "Geschlossen",
    "İ" * 50, "ﬁ", "😀" * 100, "a " * 2000, "x" * 100_000, "# # #", "#help", "#" * 50, "#\u0301", "public", "internal",
    "title\n#title x\n#problem y\n#foo z", "\n\n\n", "> quote", "-- \nsig", "HR", "L1", "vip,-old," + "t " * 30, "high", "P9",
)  # fmt: skip
ODD = st.tuples(
    st.sampled_from(EVERYBODY), st.sampled_from(VERBS), st.sampled_from(NASTY), st.sampled_from(("", "", *NASTY)),
    st.integers(1, 6), st.sampled_from(("in words", "by a tap", "as a search", "unproven")),
)  # fmt: skip


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged as a fault of ours."""
    found: list[str] = []
    monkeypatch.setattr(journal, "trouble", lambda where, error: found.append(f"{where}: {error!r}"))
    return found


def test_no_mail_however_odd_is_a_fault_of_ours(open_office: Callable[..., Office], faults: list[str]) -> None:
    office = open_office(desk=replace(DESK, name="IT"), further=(HR,), people=STAFF, security=GUARDED)
    for to in ("desk@desk.example", "desk@desk.example", "hr@desk.example"):
        office.post(aligned(mail(to=to, subject="{{7*7}} #spam", name="Ann #spam")), to=[to])

    @settings(
        max_examples=150, database=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])  # fmt: skip
    @given(ODD)
    def each(odd: tuple[Address | str, Verb, str, str, int, str]) -> None:
        writes(office, *odd)
        assert faults == []

    each()
    assert office.violations() == []


def writes(office: Office, who: str, verb: Verb, words: str, below: str, number: int, how: str) -> None:
    """One mail, and what comes of it within the hour."""
    text = words if how == "by a tap" else f"#{verb.word} {words}\n{below}"
    to = office.signed(min(number, office.count()), who, verb.word if how == "by a tap" else THREAD)
    subject = f"search: {words}"[:2000].replace("\n", " ") if how == "as a search" else "Printer"
    raw = mail(text, sender=who, name="", to="desk@desk.example" if how == "as a search" else to, subject=subject)
    row = office.post(raw if how == "unproven" else aligned(raw, who.rpartition("@")[2]), to=[to])
    assert row.state in ("done", "ignored", "held", "quarantined")
    office.now += timedelta(minutes=1)
