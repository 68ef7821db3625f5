"""A scanner's day: before the humans come, machines fetch every link, by every way and with a browser that runs scripts. Nothing changes.

Case 37 of the attack list: two hundred links, no change of any row, two hundred humans who can still decide.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mailgate.desk.approval import Verdict
from mailgate.desk.model import Status
from tests.kit.browser import Chromium
from tests.kit.frontdoor import Frontdoor, link, rows_of
from tests.kit.office import TINA, Office, mail, reply
from tests.stories.test_approvals import BEA, PEOPLE, WEB, ruled

MANY = 200


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    """Two hundred requests that wait for Bea's word."""
    office = open_office(people=PEOPLE, policy=ruled(), desk=WEB)
    office.receive_all([mail("Please give me VPN access.", subject=f"VPN {number}") for number in range(MANY)])
    office.work()
    return office


@pytest.fixture
def links(office: Office) -> list[str]:
    """The links of Bea's letters."""
    found = [f"/approval/{one.page}" for one in office.everything_sent() if one.name == "approval_request" and one.to == BEA.address]
    assert len(set(found)) == MANY
    return found


def fetched(door: Frontdoor, links: list[str]) -> set[int]:
    """What a scanner without scripts hears that asks for links by every method that is said to be harmless, and with a guess."""
    heard = set()
    for one in links:
        # A connection for each: none lives for ever, and a scanner has many.
        scanner = http.client.HTTPConnection("127.0.0.1", door.port, timeout=30)
        for method, path in (("GET", f"{one}?decision=approve&why=scan"), ("HEAD", one), ("OPTIONS", one)):
            scanner.request(method, path)
            response = scanner.getresponse()
            heard.add(response.status)
            response.read()
        scanner.close()
    return heard


async def followed(chromium: Chromium, base: str, links: list[str]) -> int:
    """A browser that runs scripts opens each link, waits for all that it does, and follows what leads on from there; how many it saw."""
    context = await chromium.browser.new_context(base_url=base)

    async def follow(some: list[str]) -> int:
        page, seen = await context.new_page(), 0
        for one in some:
            await page.goto(one, wait_until="load")
            onward = await page.evaluate("[...document.querySelectorAll('a[href]')].map(one => one.href)")
            seen += 1
            for further in onward:
                await page.goto(further, wait_until="load")
        return seen

    seen = sum(await asyncio.gather(*(follow(links[start::4]) for start in range(4))))
    await context.close()
    return seen


@pytest.mark.slow
@pytest.mark.chromium
def test_case_37_two_hundred_links_by_every_way_change_nothing_and_two_hundred_humans_can_still_decide(
    office: Office, links: list[str], frontdoor: Callable[..., Frontdoor], chromium: Chromium
) -> None:
    door, before = frontdoor(office), rows_of(office.store)
    assert fetched(door, links) == {200, 405}
    assert chromium.run(followed(chromium, door.url, links), 120) == MANY
    assert rows_of(office.store) == before

    for number, one in enumerate(links):
        with door.visitor() as bea:
            seen = bea.presses(one, decision="approve" if number % 2 else "reject", why="I have read it.")
        assert ("You have approved" if number % 2 else "You have rejected") in seen.text
    states = [office.ticket(number).asks[0].state for number in range(1, MANY + 1)]
    assert sorted(states) == sorted([Verdict.APPROVED, Verdict.REJECTED] * (MANY // 2))


@pytest.mark.chromium
def test_case_37_the_pages_of_requesters_are_followed_to_their_ends_and_nothing_changes(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor], chromium: Chromium
) -> None:
    office = open_office(desk=replace(WEB))
    office.post(mail())
    office.post(reply(office.newest(TINA.address), "#resolve A new toner.", name="Tina"))  # type: ignore[arg-type]
    resolved = office.last("resolved")
    links = [link(resolved, "ticket"), *(f"{link(resolved, 'csat')}?mark={mark}" for mark in range(1, 6))]
    door, before = frontdoor(office), rows_of(office.store)
    assert fetched(door, [one.partition("?")[0] for one in links]) == {200, 405}
    assert chromium.run(followed(chromium, door.url, links)) == len(links)
    assert rows_of(office.store) == before
    assert office.ticket().status is Status.WAITING_FOR_CLOSURE
