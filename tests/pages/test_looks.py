"""How do the pages look and feel in a real browser? On a phone and on the narrowest screen, light and dark, with and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mailgate.desk.approval import Stage, Verdict
from mailgate.desk.model import Directory
from tests.kit.browser import DESKTOP, NARROW, PHONE, SCHEMES, Chromium, Scheme
from tests.kit.frontdoor import Frontdoor, link
from tests.kit.office import TINA, Office, mail, reply, with_file, with_header
from tests.stories.test_approvals import BEA, KAI, PEOPLE, WEB, ruled

pytestmark = pytest.mark.chromium

ANNA = "anna.weber@out.example"
LONG = "Averyveryverylongwordthatnobodyeverwritesbutsomeprogramsdo" * 4


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    """A desk where access needs approval in two stages, the first of which is two people's."""
    rule = ruled(Stage((BEA.address, KAI.address)), Stage(("owner",)), step_up=False)
    german = tuple(replace(one, language="de") if one == KAI else one for one in PEOPLE.people)
    return open_office(people=Directory(german, PEOPLE.teams), policy=rule, desk=WEB)


@pytest.fixture
def solved(office: Office) -> dict[str, str]:
    """The pages of a request in English, and of one in German, that were solved."""
    found = {}
    german = f"Drucker druckt leere Seiten {LONG}", f"Guten Morgen,\n\nseit heute nur leere Seiten. {LONG}", "Eine neue Trommel."
    told = {"en": ("Printer prints blank pages", "Good morning,\n\nblank pages only, since this morning.", "A new drum."), "de": german}
    for language, (subject, words, solution) in told.items():
        raw = with_file(mail(words, subject=subject, sender=ANNA, name="Anna Weber"), f"photo of the printer {LONG[:90]}.jpg", b"\xff\xd8")
        office.post(with_header(raw, f"Content-Language: {language}"))
        office.post(reply(office.newest(TINA.address), f"#take\n#resolve {solution}", name="Tina"))  # type: ignore[arg-type]
        resolved = office.last("resolved", ANNA)
        found |= {f"ticket {language}": link(resolved, "ticket"), f"csat {language}": link(resolved, "csat")}
    office.later(days=3, minutes=1)
    office.later(days=3)
    soon = [one for one in office.everything_sent() if one.name == "closing_soon"]
    return found | {"keep en": link(soon[0], "keep"), "keep de": link(soon[1], "keep")}


@pytest.fixture
def asked(office: Office) -> dict[str, str]:
    """The pages of two approvers, Bea who reads English and Kai who reads German."""
    office.post(mail(f"Please give me VPN access for the project.\n\nI start on Monday. {LONG}", subject="VPN for the project"))
    pages = {one.address: f"/approval/{office.last('approval_request', one.address).page}" for one in (BEA, KAI)}
    return {"approval en": pages[BEA.address], "approval de": pages[KAI.address]}


def test_axe_finds_nothing_and_no_page_scrolls_sideways_and_what_is_pressed_is_as_large_as_a_finger(
    door: Frontdoor, solved: dict[str, str], asked: dict[str, str], chromium: Chromium
) -> None:
    screen = chromium.screen(door.url)
    wrong = {}
    for name, path in {**solved, **asked, "missing en": "/ticket/nothing"}.items():
        assert screen.opens(path) == (404 if "missing" in name else 200)
        assert screen.language == name[-2:]
        for scheme in SCHEMES:
            screen.becomes(scheme=scheme)
            screen.shot(f"{name} {scheme}")
            wrong |= {f"{name} {scheme}": found} if (found := screen.violations()) else {}
        for size in (NARROW, DESKTOP, PHONE):
            screen.becomes(size=size)
            wrong |= {f"{name} {size[0]}": found} if any(found := (screen.too_wide, screen.small_targets)) else {}
        screen.becomes(scheme="light")
    assert wrong == {}
    # The policy keeps out nothing that a page has, and nothing is asked for that is not there.
    assert [one for one in screen.complaints if "404" not in one] == []


@pytest.mark.parametrize("scripts", [False, True])
def test_everything_is_done_with_a_thumb_with_and_without_scripts(
    office: Office, door: Frontdoor, solved: dict[str, str], chromium: Chromium, scripts: bool
) -> None:
    screen = chromium.screen(door.url, scripts=scripts)
    screen.opens(solved["csat en"])
    screen.chooses("4 of 5")
    screen.writes("What should we know?", "It was quick.")
    screen.presses("Send")
    assert "You gave us 4 of 5" in screen.text
    screen.shot(f"csat done {scripts}")
    screen.opens(solved["ticket en"])
    screen.writes("Write to us", "One more thing.")
    screen.presses("Send")
    assert "Your message has reached us" in screen.text
    screen.opens(solved["ticket de"])
    screen.run(screen.page.get_by_text("Nein, noch nicht").click())
    screen.writes("Was fehlt noch?", "Jetzt ist es rosa.")
    screen.shot(f"ticket reject {scripts}")
    screen.presses("Zurückgeben")
    assert "Wir machen weiter" in screen.text
    assert [office.ticket(number).status for number in (1, 2)] == ["Analysis", "Analysis"]
    assert office.ticket().rating == 4


def test_a_file_is_kept_and_never_shown(door: Frontdoor, solved: dict[str, str], chromium: Chromium) -> None:
    screen = chromium.screen(door.url)
    screen.opens(solved["ticket en"])
    name, octets = screen.downloads("photo of the printer")
    assert (name.startswith("photo of the printer"), octets) == (True, b"\xff\xd8")


@pytest.mark.parametrize(("scripts", "scheme"), [(False, "dark"), (True, "light")])
def test_two_approvers_decide_on_their_phones(
    office: Office, door: Frontdoor, asked: dict[str, str], chromium: Chromium, scripts: bool, scheme: Scheme
) -> None:
    bea, kai = (chromium.screen(door.url, scripts=scripts, scheme=scheme) for _ in range(2))
    bea.opens(asked["approval en"])
    bea.presses("Reject")
    assert "Please say why you reject it" in bea.text
    bea.shot(f"approval no reason {scheme}")
    assert not (scripts and bea.violations())
    bea.writes("Why?", "Sure, she is in the project.")
    bea.presses("Approve")
    assert "You have approved" in bea.text
    bea.shot(f"approval approved {scheme}")
    assert not (scripts and bea.violations())
    kai.opens(asked["approval de"])
    assert "Bea Boss" in kai.text
    kai.shot(f"approval others {scheme}")
    kai.writes("Warum?", "Das Budget ist verbraucht.")
    kai.presses("Ablehnen")
    assert "Sie haben abgelehnt" in kai.text
    kai.shot(f"approval rejected {scheme}")
    # The back button, and the other's page: each reads what became of it.
    kai.run(kai.page.go_back())
    bea.opens(asked["approval en"])
    assert "This is decided" in bea.text
    bea.shot(f"approval over {scheme}")
    assert {one.approver: one.state for one in office.ticket().asks} == {BEA.address: Verdict.APPROVED, KAI.address: Verdict.REJECTED}
    bea.close()
    kai.close()
