"""How was it? By a word, by one tap without any link, and on a page: a mark for each end of a ticket, changed within some days."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import select

from mailgate.desk.model import Address
from mailgate.desk.report import Period
from mailgate.store import figures, keeping, schema
from tests.kit.frontdoor import Frontdoor, link
from tests.kit.office import TINA, Letter, Office, mail, reply

ANN = "ann@out.example"


@pytest.fixture
def resolved(office: Office) -> Letter:
    """The letter that tells Ann of the solution."""
    office.post(mail())
    office.post(reply(office.newest(TINA.address), "#resolve A new toner.", name="Tina"))  # type: ignore[arg-type]
    return office.last("resolved", ANN)


def tap(office: Office, url: str) -> None:
    """What a mail program sends when one presses a mailto and then Send."""
    parts = urlsplit(unescape(url))
    asks = parse_qs(parts.query)
    office.post(mail(asks.get("body", [""])[0], sender=ANN, to=unquote(parts.path), subject=asks["subject"][0]))


def test_the_letters_of_the_end_have_five_buttons_by_link_and_by_mail(office: Office, resolved: Letter) -> None:
    office.post(reply(resolved, "accept"))
    for letter in (resolved, office.last("closed", ANN)):
        links = re.findall(r'href="(https://desk\.example/csat/[^"?]+)\?mark=(\d)"', letter.html)
        assert [mark for _, mark in links] == list("12345")
        mails = re.findall(r'href="mailto:desk\+csat\.[^"?]+\?subject=csat&amp;body=(\d)"', letter.html)
        assert mails == list("12345")
        assert "csat 5" in letter.text
        assert links[0][0] in letter.text


def test_one_tap_counts_without_any_link(office: Office, resolved: Letter) -> None:
    for mark in ("2", "4"):
        (url,) = re.findall(rf'href="(mailto:desk\+csat\.[^"]+body={mark})"', resolved.html)
        tap(office, url)
        assert office.ticket().rating == int(mark)
        assert "Thank you for telling us how it was" in office.last("status", ANN).text
    # A mark is no answer: it neither reopens nor closes anything.
    assert office.ticket().status == "Waiting for Closure"
    assert [one.verb for one in office.story().events][-2:] == ["csat", "csat"]


def test_whoever_has_said_how_it_was_is_not_asked_again(office: Office, resolved: Letter) -> None:
    office.post(reply(resolved, "csat 4"))
    office.post(reply(resolved, "accept"))
    closed = office.last("closed", ANN)
    assert "csat" not in closed.text + closed.html


@pytest.mark.parametrize(
    ("text", "rating", "remark"),
    [
        ("csat 5", 5, None),
        ("csat 3 It took a week.\nBut it works.", 3, "It took a week.\nBut it works."),
        ("#csat 4\n\nThanks, Ann", 4, "Thanks, Ann"),
        ("Bewertung 1", 1, None),
        ("accept\ncsat 5 quick", 5, "quick"),
    ],
)
def test_the_word_counts_with_what_is_said_with_it(office: Office, resolved: Letter, text: str, rating: int, remark: str | None) -> None:
    office.post(reply(resolved, text))
    assert (office.ticket().rating, office.ticket().remark) == (rating, remark)
    # What she says about it is no message of the story.
    assert [one.text for one in office.story().messages][2:] == []


@pytest.mark.parametrize("text", ["csat", "csat 6", "#csat very good"])
def test_a_word_without_a_mark_gets_the_line_that_works(office: Office, resolved: Letter, text: str) -> None:
    office.post(reply(resolved, text))
    assert office.ticket().rating is None
    if text != "csat 6":
        assert "csat 5" in office.last("status", ANN).text


def test_a_poor_mark_or_a_word_with_it_is_told_to_whoever_looked_after_it(office: Office, resolved: Letter) -> None:
    office.letters()
    office.post(reply(resolved, "csat 5"))
    assert [one.to for one in office.letters()] == [ANN]
    office.post(reply(resolved, "csat 2"))
    assert "2/5" in office.last("requester_replied", TINA.address).text
    office.post(reply(resolved, "csat 4 Tina is great"))
    assert "4/5: Tina is great" in office.last("requester_replied", TINA.address).text


def test_nobody_else_rates(office: Office, resolved: Letter) -> None:
    office.post(mail("csat 1", sender="bob@out.example", to=resolved.reply_to, subject=f"Re: {resolved.subject}"))
    office.post(mail("csat 1", sender=ANN, subject="[MG-1] Printer"))
    assert office.ticket().rating is None


# ------------------------------------------------------------------------------------------------ on the page


def test_get_shows_and_post_counts(office: Office, door: Frontdoor, resolved: Letter) -> None:
    path = link(resolved, "csat")
    with door.visitor() as ann:
        seen = ann.opens(f"{path}?mark=4")
        assert seen.status == 200
        assert re.search(r'value="4"[^>]* checked', seen.html)
        assert office.ticket().rating is None
        assert "You gave us 4 of 5" in ann.sends(path, seen.hidden, mark="4", words="Quick.").text
        assert (office.ticket().rating, office.ticket().remark) == (4, "Quick.")
        assert [one.name for one in office.letters() if one.to == ANN][-1] == "resolved"
        changed = ann.presses(path, mark="5")
        assert "You gave us 5 of 5" in changed.text
    assert (office.ticket().rating, office.ticket().status) == (5, "Waiting for Closure")
    assert [one.note for one in office.story().events if one.verb == "csat"] == ["4", "5"]


@pytest.mark.parametrize("mark", ["", "0", "6", "5; DROP", "５"])
def test_what_is_no_mark_does_not_count(office: Office, door: Frontdoor, resolved: Letter, mark: str) -> None:
    with door.visitor() as ann:
        seen = ann.presses(link(resolved, "csat"), mark=mark, words="Kept.")
    assert (seen.status, "choose a mark" in seen.text, "Kept." in seen.html) == (422, True, True)
    assert office.ticket().rating is None


def test_some_days_after_the_end_it_stays_as_it_is(office: Office, door: Frontdoor, resolved: Letter) -> None:
    path = link(resolved, "csat")
    office.post(reply(resolved, "accept"))
    with door.visitor() as ann:
        ann.presses(path, mark="3")
        form = ann.opens(path).hidden
        office.later(days=15)
        assert "cannot be changed any more" in ann.opens(path).text
        assert "cannot be rated any more" in ann.sends(path, form, mark="5").text
    office.post(reply(resolved, "csat 5"))
    assert "cannot be rated any more" in office.last("status", ANN).text
    assert office.ticket().rating == 3


def test_it_is_counted_in_the_period_in_which_it_was_given(office: Office, door: Frontdoor, resolved: Letter) -> None:
    with door.visitor() as ann:
        ann.presses(link(resolved, "csat"), mark="3")
    for since, mark in ((timedelta(hours=-1), 3), (timedelta(days=1), None)):
        with office.store.look() as tx:
            period = Period(office.now + since, office.now + since + timedelta(days=1))
            assert [one.mark for one in figures.handled(tx, period)] == [mark]


def test_who_is_erased_leaves_his_mark_and_no_word(office: Office, resolved: Letter) -> None:
    office.post(reply(resolved, "csat 2 Ann was not amused."))
    keeping.erase(office.store, Address(ANN), office.now)
    assert (office.ticket().rating, office.ticket().remark) == (2, "(erased)")
    with office.store.look() as tx:
        assert "amused" not in str([tx.execute(select(table)).all() for table in schema.metadata.sorted_tables])


# ------------------------------------------------------------------------------------------------ keep-open


def test_keep_open_is_one_button_on_a_page_as_it_is_one_tap_by_mail(office: Office, door: Frontdoor, resolved: Letter) -> None:
    office.later(days=3, minutes=1)
    office.later(days=3)
    soon = office.last("closing_soon", ANN)
    path = link(soon, "keep")
    assert f'href="https://desk.example{path}"' in soon.html
    with door.visitor() as ann:
        seen = ann.opens(path)
        assert "Shall it stay open?" in seen.text
        assert office.ticket().status == "Waiting for Closure"
        assert "It stays open" in ann.sends(path, seen.hidden, do="keep").text
        assert office.ticket().status == "Analysis"
        again = ann.opens(path)
        assert "nothing to do" in again.text
        assert "<form" not in again.html
    office.later(days=2)
    assert office.ticket().status == "Analysis"


def test_what_has_closed_is_not_kept_open(office: Office, door: Frontdoor, resolved: Letter) -> None:
    office.later(days=3, minutes=1)
    office.later(days=3)
    path = link(office.last("closing_soon", ANN), "keep")
    with door.visitor() as ann:
        form = ann.opens(path).hidden
        office.later(days=1)
        assert office.ticket().status == "Completed"
        assert "done and closed" in ann.sends(path, form, do="keep").text
    assert office.ticket().status == "Completed"


def test_a_link_of_one_page_opens_no_other(office: Office, door: Frontdoor, resolved: Letter) -> None:
    mark = link(resolved, "csat").rpartition("/")[2]
    with door.visitor() as ann:
        assert [ann.opens(f"/{page}/{mark}").status for page in ("csat", "ticket", "keep", "approval")] == [200, 404, 404, 404]
