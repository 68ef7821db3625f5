"""How a page comes to its visitor, with a page made for the test: what reaches its function, what acts, and what is refused before."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from mailgate.channels import web_pages
from mailgate.channels.web import Web
from mailgate.channels.web_limit import MOST, SPAN, Strangers
from mailgate.channels.web_metrics import Figures, Health
from mailgate.channels.web_pages import Pages
from mailgate.channels.web_wire import Settings
from mailgate.desk import forms
from mailgate.desk.errors import Temporary
from mailgate.desk.model import Directory
from mailgate.desk.policy import Desk, Policy, Security
from mailgate.desk.tokens import Keyring
from mailgate.flow.house import House
from mailgate.flow.reception import Answer, Download, Elsewhere, Page, Reception, Visit
from mailgate.mail.letters import Templates
from mailgate.mail.parse import parse
from mailgate.store.engine import Store
from tests.kit.need import ROOT

DESK = Desk(name="IT <Desk>", public_url="https://desk.corp.example/help")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Log:
    """What the page of this test was asked for."""

    visits: list[Visit] = field(default_factory=list)

    def page(self, _reception: Reception, visit: Visit) -> Answer | None:
        self.visits.append(visit)
        match visit.parts["token"]:
            case "unknown":
                return None
            case "away":
                raise Temporary("the database of ann@corp.example is away")
            case "broken":
                raise RuntimeError("ann@corp.example")
            case "file":
                return Download('ev"il\r\n.html', b"<script>")
            case "on":
                return Elsewhere("/other")
        return Page("error", DESK, 400, "en")


@asynccontextmanager
async def running(log: Log, store: Store, settings: Settings | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    house = House((DESK,), Policy(), Security(), Directory(), Keyring((b"k" * 32,)), Templates([ROOT / "templates"]), "test")
    reception = Reception(store, house, lambda: datetime(2026, 11, 20, tzinfo=UTC), parse)
    pages = Pages(house, lambda: reception, {"/thing/{token}": log.page})
    listener = Web(settings or Settings(port=0), Health, Figures, pages)
    await listener.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}") as client:
            yield client
    finally:
        await listener.stop()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'mailgate.db'}")
    yield store
    store.close()


async def proof(client: httpx2.AsyncClient, log: Log, path: str) -> str:
    await client.get(path)
    return log.visits[-1].proof


# ------------------------------------------------------------------------------------------------ forms


async def test_a_post_acts_with_the_cookie_and_the_field_of_its_page_together(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        given = await proof(client, log, "/thing/one")
        answer = await client.post("/thing/one", data={"proof": given, "decision": "approve"})
    visit = log.visits[-1]
    assert (visit.acts, visit.stale, visit.form) == (True, False, {"decision": "approve"})
    assert re.fullmatch("[0-9a-f]{64}", visit.digest)
    assert answer.status_code == 200


@pytest.mark.parametrize("wrong", ["no field", "no cookie", "other page", "other browser", "made up"])
async def test_case_47_a_form_of_another_site_browser_or_page_does_nothing(log: Log, store: Store, wrong: str) -> None:
    async with running(log, store) as client:
        given = await proof(client, log, "/thing/one")
        other = await proof(client, log, "/thing/other")
        if wrong == "no cookie":
            client.cookies.clear()
        if wrong == "other browser":
            client.cookies.clear()
            await proof(client, log, "/thing/one")
        form = {"no field": {}, "other page": {"proof": other}, "made up": {"proof": "0" * 64}}.get(wrong, {"proof": given})
        await client.post("/thing/one", data={**form, "decision": "approve"})
    assert (log.visits[-1].acts, log.visits[-1].stale) == (False, True)


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_secure_where_the_visitor_is(log: Log, store: Store) -> None:
    async with running(log, store, Settings(port=0, trusted_proxies=("127.0.0.1",))) as client:
        plain = (await client.get("/thing/one")).headers["set-cookie"]
        client.cookies.clear()
        secure = (await client.get("/thing/one", headers={"X-Forwarded-Proto": "https"})).headers["set-cookie"]
    assert "HttpOnly; SameSite=Strict" in plain
    assert "Secure" not in plain
    assert secure.endswith("; Secure")


async def test_a_second_page_does_not_spoil_the_form_of_the_first(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        first = await proof(client, log, "/thing/one")
        await proof(client, log, "/thing/two")
        assert await proof(client, log, "/thing/one") == first


def test_a_proof_holds_for_its_key_and_for_the_one_that_came_after_it() -> None:
    old, new = Keyring((b"old",)), Keyring((b"new", b"old"))
    made = forms.proof(old, "s" * 43, "/thing/one")
    assert forms.proven(new, "s" * 43, "/thing/one", made)
    assert not forms.proven(Keyring((b"new",)), "s" * 43, "/thing/one", made)
    assert not forms.proven(new, "", "/thing/one", forms.proof(new, "", "/thing/one"))


# ------------------------------------------------------------------------------------------------ what is refused

WRONG: list[tuple[bytes, Mapping[str, str], int]] = [
    (b"a=1", {"Content-Type": "text/plain"}, 415),
    (b'{"a":1}', {"Content-Type": "application/json"}, 415),
    (b"--x\r\n", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    (b"a=1", {}, 415),
    (b"a=%zz", FORM, 400),
    (b"a=%", FORM, 400),
    (b"a=%ff", FORM, 400),
    (b"a=\xc3\xa4", FORM, 400),
    (b"a=%00", FORM, 400),
    (b"a=%1b[31m", FORM, 400),
    (b"a=1&a=2", FORM, 400),
    (b"&".join(b"f%d=1" % number for number in range(10_000)), FORM, 400),
    (b"a=" + b"x" * 200_000, FORM, 413),
]


@pytest.mark.parametrize(("body", "headers", "status"), WRONG)
async def test_a_form_that_is_none_of_ours_reaches_no_page(
    log: Log, store: Store, caplog: pytest.LogCaptureFixture, body: bytes, headers: dict[str, str], status: int
) -> None:
    async with running(log, store) as client:
        answer = await client.post("/thing/one", content=body, headers=headers)
    assert answer.status_code == status
    assert log.visits == []
    assert "Traceback" not in caplog.text + answer.text


async def test_a_page_that_fails_says_so_without_saying_why(log: Log, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    async with running(log, store) as client:
        away, broken = await client.get("/thing/away"), await client.get("/thing/broken", headers={"Accept-Language": "de-AT,de;q=0.9"})
    assert (away.status_code, broken.status_code) == (503, 500)
    assert "Bei uns ging etwas schief" in broken.text
    assert "ann@corp.example" not in away.text + broken.text
    # The token stands in the path of every request: it is in no log.
    assert "/thing/" not in caplog.text


# ------------------------------------------------------------------------------------------------ what there is not

NOTHING = ["/thing/unknown", "/nothing", "/thing/", "/thing/a%2fb", "/thing/%2e%2e%2f%2e%2e", "/%00", "/thing/%00", "/thing/" + "a" * 500]


async def test_case_51_whatever_there_is_not_is_one_and_the_same_page(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        answers = [await client.get(path, headers={"Accept-Language": "de"}) for path in NOTHING]
        answers.append(await client.post("/thing/unknown", data={"decision": "approve"}))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "There is nothing here" in answers[0].text
    assert "Hier ist nichts" in answers[0].text
    assert all("set-cookie" not in answer.headers for answer in answers)


async def test_case_41_who_guesses_is_told_to_wait_and_who_knows_a_link_is_not(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        answers = [(await client.get("/thing/unknown")).status_code for _ in range(MOST + 5)]
        known = (await client.get("/thing/one")).status_code
    assert answers == [404] * MOST + [429] * 5
    assert known == 200


@pytest.mark.parametrize(("trusted", "refused"), [((), 5), (("127.0.0.1",), 0)])
async def test_case_41_an_address_that_the_visitor_gives_himself_counts_only_from_our_proxy(
    log: Log, store: Store, trusted: tuple[str, ...], refused: int
) -> None:
    async with running(log, store, Settings(port=0, trusted_proxies=trusted)) as client:
        answers = [
            (await client.get("/thing/unknown", headers={"X-Forwarded-For": f"192.0.2.{one}"})).status_code for one in range(MOST + 5)
        ]
    assert answers.count(429) == refused


def test_strangers_are_counted_by_network_for_some_time_and_in_little_room() -> None:
    now = 0.0
    strangers = Strangers(lambda: now)
    assert all(strangers.admit(f"2001:db8::{one:x}") for one in range(MOST))
    assert not strangers.admit("2001:db8::ffff")
    assert strangers.admit("2001:db8:0:1::1")
    now = SPAN
    assert strangers.admit("2001:db8::1")
    for one in range(20_000):
        strangers.admit(f"10.0.{one // 250}.{one % 250}")
    assert len(strangers._asked) == 10_000


async def test_case_42_an_answer_leaves_at_a_full_tick_however_long_the_work_took(
    log: Log, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_pages, "TICK", 0.2)
    async with running(log, store) as client:
        await client.get("/thing/one")
        for path in ("/thing/one", "/thing/unknown"):
            began = time.perf_counter()
            await client.get(path)
            assert time.perf_counter() - began >= 0.2


# ------------------------------------------------------------------------------------------------ answers


async def test_case_49_a_file_is_kept_and_never_shown(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        answer = await client.get("/thing/file")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename=\"ev_il__.html\"; filename*=UTF-8''ev%22il%0D%0A.html"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_case_46_a_visitor_is_sent_on_to_our_own_pages_only(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        answer = await client.get("/thing/on?next=https://evil.example/&url=//evil.example")
    assert (answer.status_code, answer.headers["location"]) == (303, "../other")


async def test_case_45_no_link_is_built_from_the_host_that_the_visitor_names(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        poisoned = await client.get("/thing/one", headers={"Host": "evil.example"})
        forwarded = await client.get("/thing/one", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
    assert poisoned.status_code == 421
    assert "evil.example" not in forwarded.text + str(forwarded.headers)


async def test_case_43_no_page_loads_anything_and_none_tells_where_its_visitor_came_from(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        answer = await client.get("/thing/one")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert re.fullmatch(
        r"default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='",
        answer.headers["content-security-policy"],
    )
    assert not re.search(r"<script|<img|<link|<iframe|src=|url\(|@import", answer.text)
    assert "IT &lt;Desk&gt;" in answer.text


async def test_pages_that_take_their_time_do_not_hold_up_the_probes(log: Log, store: Store) -> None:
    async with running(log, store) as client:
        slow = [asyncio.create_task(client.get("/thing/one")) for _ in range(20)]
        assert (await client.get("/healthz")).status_code == 200
        assert {(await one).status_code for one in slow} == {200}
