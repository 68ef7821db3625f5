"""How do the desk's pages and the report look in a real browser? Light and dark, on desk and telephone, in English and German."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.desk.course import course
from mailgate.desk.plans import Sla
from mailgate.desk.policy import Policy
from mailgate.desk.report import Period, reported
from mailgate.mail.figures import report_view
from mailgate.mail.view import DeskView
from mailgate.store import figures
from tests.kit.browser import DESKTOP, NARROW, PHONE, Chromium, Scheme, Screen
from tests.kit.frontdoor import Frontdoor
from tests.kit.office import OLGA, PEOPLE, TINA, Office, mail, reply, spoofed
from tests.pages.conftest import ONLINE
from tests.pages.desk import mailed
from tests.stories.conftest import GUARDED

pytestmark = pytest.mark.chromium

PROMISES = Policy(slas=(Sla("all", targets=(("first_response", timedelta(hours=2)), ("resolution", timedelta(hours=8))), warn=(50,)),))
PAGES = ("", "/mine", "/figures", "/held", "/ticket/1", "/ticket/2")
LONG = "Averyveryverylongwordthatnobodyeverwritesbutsomeprogramsdo" * 3
# Tina, who decides about held mail as well, in either language.
WORDS = {
    "en": ("Your address at work", "Mail me a link", "Sign in", "Sign out"),
    "de": ("Ihre Adresse bei der Arbeit", "Link mailen", "Anmelden", "Abmelden"),
}


@pytest.fixture
def busy(open_office: Callable[..., Office]) -> Office:
    """A desk with a week behind it."""
    office = open_office(desk=ONLINE, policy=PROMISES)
    subjects = ("Printer prints blank pages", f"VPN drops {LONG}", "Invoice archive", "New laptop for Carla", "Password of the mailbox")
    for number, subject in enumerate(subjects * 7, 1):
        office.post(mail("It does not work, again.", subject=subject, sender=f"ann{number % 4}@out.example"))
        match number % 5:
            case 0:
                office.order(number, "#take\n#resolve It was the cable.")
            case 1:
                office.order(number, f"#take\n#note He is in a hurry. {LONG}\n#category Hardware/Printer")
                office.post(reply(office.newest(TINA.address), "Is it on?", name="Tina"))  # type: ignore[arg-type]
            case 2:
                office.order(number, "#category Network\n#pending Which building?")
            case _:
                pass
        office.now += timedelta(hours=5)
    return office


def enters(office: Office, screen: Screen, language: str) -> None:
    """Signs in, as a human does it."""
    address, send, sign_in, _ = WORDS[language]
    screen.opens("/desk")
    screen.writes(address, TINA.address)
    screen.presses(send)
    screen.opens(mailed(office, TINA.address))
    screen.presses(sign_in)


@pytest.mark.parametrize(("scheme", "language", "size"), [("light", "en", DESKTOP), ("dark", "de", PHONE), ("light", "de", NARROW)])
def test_the_pages_of_the_desk_are_sound_for_everybody(
    busy: Office, frontdoor: Callable[..., Frontdoor], chromium: Chromium, scheme: Scheme, language: str, size: tuple[int, int]
) -> None:
    owner = replace(TINA, role=OLGA.role, language=language)
    busy.change(people=replace(PEOPLE, people=(*(one for one in PEOPLE.people if one not in (TINA, OLGA)), owner)), security=GUARDED)
    busy.post(spoofed(mail("Pay now.", subject=f"Invoice http://evil.example/{LONG}")))
    screen = chromium.screen(frontdoor(busy).url, size=size, scheme=scheme, language=language)
    wrong, name = {}, f"desk {language} {scheme} {size[0]}"

    def look(page: str) -> None:
        found = (screen.violations(), screen.too_wide, screen.small_targets, screen.language)
        wrong.update({page: found} if found != ("", 0, [], language) else {})
        screen.shot(f"{name} {page or 'queue'}")

    screen.opens("/desk")
    look("door")
    enters(busy, screen, language)
    for page in PAGES:
        screen.opens(f"/desk{page}")
        look(page.strip("/").replace("/", " "))
    assert wrong == {}
    assert screen.complaints == []


def test_a_technician_comes_in_looks_around_and_leaves_without_scripts(
    busy: Office, frontdoor: Callable[..., Frontdoor], chromium: Chromium
) -> None:
    screen = chromium.screen(frontdoor(busy).url, scripts=False)
    enters(busy, screen, "en")
    assert "What is open" in screen.text
    screen.run(_follows(screen, "Further"))
    assert "26 to 28 of 28" in screen.text
    screen.run(_follows(screen, "My tickets"))
    screen.run(_follows(screen, "Printer prints blank pages"))
    assert "Answer by mail" in screen.text
    screen.presses("Sign out")
    assert "We mail you a link to sign in" in screen.text
    # The way back shows nothing that was seen before.
    screen.run(screen.page.go_back())
    assert "Answer by mail" not in screen.text


async def _follows(screen: Screen, name: str) -> None:
    async with screen.page.expect_navigation():
        await screen.page.get_by_role("link", name=name).first.click()


@pytest.mark.parametrize(("scheme", "language", "size"), [("light", "en", DESKTOP), ("dark", "de", PHONE), ("light", "de", NARROW)])
def test_the_report_is_a_file_that_everybody_can_read(
    busy: Office, chromium: Chromium, tmp_path: Path, scheme: Scheme, language: str, size: tuple[int, int]
) -> None:
    period = Period(busy.now - timedelta(days=7), busy.now)
    with busy.store.look() as tx:
        handled = list(figures.handled(tx, period))
    view = report_view(reported(handled, period), course(handled, period, UTC), {}, language, UTC)
    desk = DeskView("Service Desk", "desk@desk.example", language)
    file = tmp_path / "report.html"
    file.write_text(busy.house.templates.pages.render("report", language, desk, view, made=busy.now).html)
    screen = chromium.screen(size=size, scheme=scheme, scripts=False)
    screen.run(screen.page.goto(file.as_uri()))
    screen.shot(f"report {language} {scheme} {size[0]}")
    assert (screen.language, screen.too_wide, screen.complaints) == (language, 0, [])
    # The stylesheet is let in by the policy of the page itself.
    assert screen.run(screen.page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius")) != "0px" or size[0] < 600
    seeing = chromium.screen(size=size, scheme=scheme)
    seeing.run(seeing.page.set_content(file.read_text().replace("http-equiv", "data-off")))
    assert seeing.violations() == ""
