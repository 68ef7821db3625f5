"""What do pages withstand? Numbers are those of the attack list; what the listener itself refuses is in tests/channels/test_web_pages."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import statistics
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from mailgate.channels import web_pages, web_wire
from mailgate.desk import marks
from mailgate.desk.model import Address, TicketId
from mailgate.desk.tokens import Keyring
from tests.kit.frontdoor import Frontdoor, link, rows_of
from tests.kit.office import TINA, Office, mail, reply

ANN, EVE = "ann@out.example", "eve@out.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def paths(office: Office) -> dict[str, str]:
    """The pages of Ann's request, which is solved."""
    office.post(mail())
    office.post(reply(office.newest(TINA.address), "#resolve A new toner.", name="Tina"))  # type: ignore[arg-type]
    resolved = office.last("resolved", ANN)
    keep = marks.mark(office.keyring, marks.Purpose.KEEP, TicketId(1), Address(ANN))
    return {"ticket": link(resolved, "ticket"), "csat": link(resolved, "csat"), "keep": f"/keep/{keep}"}


def test_case_38_who_submits_every_form_without_pressing_a_button_changes_nothing(
    office: Office, door: Frontdoor, paths: dict[str, str]
) -> None:
    before = rows_of(office.store)
    with door.visitor() as scanner:
        for path in paths.values():
            hidden = scanner.opens(path).hidden
            assert hidden
            # As a scanner does that keeps cookies, and as one that does not.
            assert scanner.sends(path, hidden).status in (200, 422)
            scanner.client.cookies.clear()
            assert scanner.sends(path, hidden, do="accept", mark="1").status == 403
    assert rows_of(office.store) == before


WRONG = {
    "another number": lambda mark: "2" + mark[1:],
    "another reader": lambda mark: re.sub(r"\.(.)", lambda found: ".A" if found[1] != "A" else ".B", mark, count=1),
    "the last sign": lambda mark: mark[:-1] + ("A" if mark[-1] != "A" else "B"),
    "cut off": lambda mark: mark[:-1],
    "longer": lambda mark: mark + "A",
    "a blank": lambda mark: mark + "%20",
    "leading nought": lambda mark: "0" + mark,
    "other digits": lambda mark: "%D9%A1" + mark[1:],
    "upper case": lambda mark: mark.upper(),
    "empty": lambda mark: ".",
    "the reply address": lambda mark: "t.1.pec33mdmomn46vwau5",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_case_41_a_mark_that_is_not_ours_opens_nothing(door: Frontdoor, paths: dict[str, str], wrong: str) -> None:
    change: Callable[[str], str] = WRONG[wrong]
    with door.visitor() as eve:
        for path in paths.values():
            folder, _, mark = path.rpartition("/")
            seen = eve.opens(f"{folder}/{change(mark)}")
            assert (seen.status, "There is nothing here" in seen.text) == (404, True)


def test_case_41_a_mark_is_of_256_bits_and_of_one_key_ticket_page_and_person() -> None:
    ring, ticket = Keyring((b"n" * 32, b"o" * 32)), TicketId(1042)
    made = marks.mark(ring, marks.Purpose.TICKET, ticket, Address(ANN))
    assert re.fullmatch(r"1042\.[\w-]{16}\.[\w-]{43}", made)
    assert ANN not in made
    found = marks.read(ring, marks.Purpose.TICKET, made)
    assert found is not None
    assert marks.reads(ring, found, [Address(EVE), Address(ANN)]) == ANN
    assert marks.reads(ring, found, [Address(EVE)]) is None
    assert marks.read(ring, marks.Purpose.CSAT, made) is None
    assert marks.read(Keyring((b"x" * 32,)), marks.Purpose.TICKET, made) is None
    old = marks.mark(Keyring((b"o" * 32,)), marks.Purpose.TICKET, ticket, Address(ANN))
    assert marks.read(ring, marks.Purpose.TICKET, old) is not None


async def test_case_42_the_time_does_not_tell_whether_a_link_is_known(
    door: Frontdoor, paths: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand answers, a thousand of each kind in turn; the median of one kind is within five hundredths of that of the other."""
    # Other tests share the machine: the work has to be done within a tick, and then it takes longer.
    monkeypatch.setattr(web_pages, "TICK", 0.06)
    known = paths["csat"].encode()
    unknown = known[:-1] + (b"A" if known[-1:] != b"A" else b"B")
    times: dict[bytes, list[float]] = {known: [], unknown: []}

    async def ask(rounds: int) -> None:
        # A visitor is remembered for some links that are not there; the answer is as long in coming all the same.
        for _ in range(rounds):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            for path in (known, unknown) * 10:
                began = time.perf_counter()
                writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                assert length is not None
                await reader.readexactly(int(length[1]))
                times[path].append(time.perf_counter() - began)
            writer.close()

    await asyncio.gather(*(ask(10) for _ in range(10)))
    one, other = (statistics.median(seen) for seen in times.values())
    assert {len(seen) for seen in times.values()} == {1000}
    assert abs(one - other) / one < 0.05, (one, other)


def test_case_53_whoever_asks_about_somebody_else_hears_what_nobody_hears(office: Office, door: Frontdoor, paths: dict[str, str]) -> None:
    # Eve has a ticket of her own: her mark opens hers, and no part of it another's.
    office.post(mail("Mine.", sender=EVE))
    own = marks.mark(office.keyring, marks.Purpose.TICKET, TicketId(2), Address(EVE))
    hers = marks.mark(office.keyring, marks.Purpose.TICKET, TicketId(1), Address(EVE))
    with door.visitor() as eve:
        assert eve.opens(f"/ticket/{own}").status == 200
        others = [eve.opens(f"/ticket/{one}").response for one in (hers, own.replace("2.", "1.", 1), own.replace("2.", "9.", 1))]
        nothing = eve.opens("/ticket/1.x.y").response
    assert {(one.status_code, one.content) for one in others} == {(404, nothing.content)}


def test_no_mark_is_ever_in_the_log_however_talkative_it_is(
    office: Office, door: Frontdoor, paths: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    for name in (None, "uvicorn", "uvicorn.access", "uvicorn.error", "asyncio", "mailgate", "sqlalchemy.engine"):
        logging.getLogger(name).setLevel(1)
    try:
        with door.visitor() as ann:
            for path in paths.values():
                ann.opens(path)
                ann.opens(path + "x")
                ann.client.head(path)
                ann.client.request("TRACE", path)
                ann.client.post(path, content=b"%", headers=FORM)
                ann.presses(path, do="reply", mark="3", words="Thank you for nothing.")
            ann.opens(f"{paths['ticket']}/file/1")
    finally:
        for name in (None, "uvicorn", "uvicorn.access", "uvicorn.error", "asyncio", "mailgate", "sqlalchemy.engine"):
            logging.getLogger(name).setLevel(logging.NOTSET if name else logging.WARNING)
    # Ours are there, what others say comes from the visitor's side of this test.
    lines = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    said = "\n".join(one.getMessage() for one in lines)
    assert "changed cause=click:" in said
    for path in paths.values():
        secret = path.rpartition("/")[2].partition(".")[2]
        assert not any(part in said for part in secret.split("."))


def test_pipelined_requests_are_answered_in_turn_and_act_once(office: Office, door: Frontdoor, paths: dict[str, str]) -> None:
    with door.visitor() as ann:
        form = ann.opens(paths["ticket"]).hidden
        cookie = "; ".join(f"{one.name}={one.value}" for one in ann.client.cookies.jar)
    body = urlencode({**form, "do": "accept"}).encode()
    head = f"POST {paths['ticket']} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nContent-Length: {len(body)}\r\n"
    request = f"{head}Content-Type: {FORM['Content-Type']}\r\n\r\n".encode() + body
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as line:
        line.sendall(request * 5 + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := line.recv(65_536):
            answer += chunk
    assert [found[:3] for found in answer.split(b"HTTP/1.1 ")[1:]] == [b"200"] + [b"422"] * 4 + [b"200"]
    assert [one.verb for one in office.story().events].count("accept") == 1


def test_a_body_that_never_ends_is_cut_off_and_has_done_nothing(
    office: Office, door: Frontdoor, paths: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_wire, "CONNECTION_TIME", 0.3)
    monkeypatch.setattr(web_wire, "LAST_ANSWER_TIME", 0.3)
    before = rows_of(office.store)
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as line:
        head = f"POST {paths['ticket']} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\nContent-Type: {FORM['Content-Type']}\r\n\r\n"
        line.sendall(head.encode() + b"do=acc")
        assert b" 200 " not in line.recv(65_536)
    assert rows_of(office.store) == before
