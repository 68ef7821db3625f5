"""How do the pages look and feel in a real browser? On a phone and on the narrowest screen, light and dark, with and without scripts."""

from __future__ import annotations

import pytest

from tests.kit.browser import DESKTOP, NARROW, Chromium, Scheme
from tests.kit.frontdoor import Frontdoor, link
from tests.kit.office import TINA, Office, mail, reply, with_file, with_header

pytestmark = pytest.mark.chromium

ANN = "ann@out.example"
LONG = "Averyveryverylongwordthatnobodyeverwritesbutsomeprogramsdo" * 4


@pytest.fixture
def pages(office: Office) -> dict[str, str]:
    """The pages of a request in English, and of one in German, that were solved."""
    found = {}
    german = (
        f"Drucker druckt leere Seiten {LONG}",
        f"Guten Morgen,\n\nseit heute früh kommen nur leere Seiten. {LONG}",
        "Eine neue Trommel.",
    )
    told = {"en": ("Printer prints blank pages", "Good morning,\n\nblank pages only, since this morning.", "A new drum."), "de": german}
    for number, (language, (subject, words, solution)) in enumerate(told.items(), 1):
        raw = with_file(mail(words, subject=subject, name="Anna Weber"), f"photo of the printer {LONG[:90]}.jpg", b"\xff\xd8")
        office.post(with_header(raw, f"Content-Language: {language}"))
        office.post(reply(office.newest(TINA.address), "#take\nWhich floor is it on?", name="Tina"))  # type: ignore[arg-type]
        office.post(reply(office.last("reply", ANN), "The third."))
        office.post(reply(office.newest(TINA.address), f"#resolve {solution}", name="Tina"))  # type: ignore[arg-type]
        resolved = office.last("resolved", ANN)
        found |= {f"ticket {language}": link(resolved, "ticket"), f"csat {language}": link(resolved, "csat")}
        office.later(days=3, minutes=1)
        office.later(days=3)
        found[f"keep {language}"] = link(office.last("closing_soon", ANN), "keep")
        assert office.ticket(number).status == "Waiting for Closure"
        office.now = type(office.now)(2026, 3, 2, 9, tzinfo=office.now.tzinfo)
    return found | {"missing en": "/ticket/nothing"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(door: Frontdoor, pages: dict[str, str], chromium: Chromium, scheme: Scheme) -> None:
    screen = chromium.screen(door.url, scheme=scheme)
    wrong = {}
    for name, path in pages.items():
        assert screen.opens(path) == (404 if "missing" in name else 200)
        assert screen.language == name[-2:]
        wrong |= {name: found} if (found := screen.violations()) else {}
        screen.shot(f"{name} {scheme}")
    assert wrong == {}
    # The policy keeps out nothing that a page has, and nothing is asked for that is not there.
    assert [one for one in screen.complaints if "404" not in one] == []


@pytest.mark.parametrize("size", [NARROW, DESKTOP])
def test_no_page_scrolls_sideways_and_what_is_pressed_is_as_large_as_a_finger(
    door: Frontdoor, pages: dict[str, str], chromium: Chromium, size: tuple[int, int]
) -> None:
    screen = chromium.screen(door.url, size=size)
    wrong = {}
    for name, path in pages.items():
        screen.opens(path)
        wrong |= {name: found} if any(found := (screen.too_wide, screen.small_targets)) else {}
        screen.shot(f"{name} {size[0]}")
    assert wrong == {}


@pytest.mark.parametrize("scripts", [False, True])
def test_everything_is_done_with_a_thumb_with_and_without_scripts(
    office: Office, door: Frontdoor, pages: dict[str, str], chromium: Chromium, scripts: bool
) -> None:
    screen = chromium.screen(door.url, scripts=scripts)
    screen.opens(pages["csat en"])
    screen.chooses("4 of 5")
    screen.writes("What should we know?", "It was quick.")
    screen.presses("Send")
    assert "You gave us 4 of 5" in screen.text
    screen.shot(f"csat done {scripts}")
    screen.opens(pages["ticket en"])
    screen.writes("Write to us", "One more thing.")
    screen.presses("Send")
    assert "Your message has reached us" in screen.text
    screen.opens(pages["ticket de"])
    screen.run(screen.page.get_by_text("Nein, noch nicht").click())
    screen.writes("Was fehlt noch?", "Jetzt ist es rosa.")
    screen.shot(f"ticket reject {scripts}")
    screen.presses("Zurückgeben")
    assert "Wir machen weiter" in screen.text
    assert [office.ticket(number).status for number in (1, 2)] == ["Analysis", "Analysis"]
    assert office.ticket().rating == 4


def test_a_file_is_kept_and_never_shown(door: Frontdoor, pages: dict[str, str], chromium: Chromium) -> None:
    screen = chromium.screen(door.url)
    screen.opens(pages["ticket en"])
    name, octets = screen.downloads("photo of the printer")
    assert (name.startswith("photo of the printer"), octets) == (True, b"\xff\xd8")
