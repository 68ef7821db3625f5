"""The web listener over real sockets: what it tells, whom it refuses, that nobody keeps it busy. Numbers are those of the attack list."""

from __future__ import annotations

import asyncio
import http.client
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mailgate.channels import web, web_wire
from mailgate.channels.web import Web
from mailgate.channels.web_gate import STRICT_HEADERS
from mailgate.channels.web_metrics import Figures, Health, exposition
from mailgate.channels.web_wire import Settings
from mailgate.desk.errors import Misconfigured, Temporary

FIGURES = Figures(
    inbox={"received": 2, "done": 40},
    outbox={"queued": 3, "sent": 70},
    accepted=42,
    sent=70,
    timers_due=1,
    oldest_queued=12.5,
    breaker_open=True,
    last_tick=0.4,
)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@asynccontextmanager
async def running(
    probe: Callable[[], Health] = Health, metrics: Callable[[], Figures] = lambda: FIGURES, names: frozenset[str] = frozenset()
) -> AsyncIterator[Web]:
    listener = Web(Settings(port=0, names=names), probe, metrics)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


def ask(port: int, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def say(port: int, octets: bytes, patience: float = 10) -> bytes:
    """Sends these octets and reads until the other side ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        connection.sendall(octets)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer


async def asked(listener: Web, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    return await asyncio.to_thread(ask, listener.port, path, method, headers)


# ------------------------------------------------------------------------------------------------ what it tells


async def test_the_process_is_alive_also_while_nothing_else_works() -> None:
    def broken() -> Health:
        raise RuntimeError("the database of ann@corp.example is gone")

    async with running(broken) as listener:
        answer = await asked(listener, "/healthz")
        assert (answer.status, answer.body) == (200, b"ok\n")


async def test_it_is_ready_when_nothing_speaks_against_it() -> None:
    async with running() as listener:
        answer = await asked(listener, "/readyz")
        assert (answer.status, answer.body) == (200, b"ready\n")


async def test_it_says_in_slugs_why_it_is_not_ready() -> None:
    async with running(lambda: Health(("database-down", "disk-full"))) as listener:
        answer = await asked(listener, "/readyz")
        assert (answer.status, answer.body) == (503, b"database-down\ndisk-full\n")


async def test_case_121_a_reason_that_is_no_slug_is_not_shown() -> None:
    async with running(lambda: Health(("no relay for ann@corp.example",))) as listener:
        answer = await asked(listener, "/readyz")
        assert (answer.status, answer.body) == (503, b"unnamed\n")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Temporary("ann@corp.example", code="database-locked"), b"database-locked\n"), (OSError("ann@corp.example"), b"probe-failed\n")],
)
async def test_case_117_a_probe_that_raises_makes_it_unready_and_tells_nothing(error: Exception, reason: bytes) -> None:
    def broken() -> Health:
        raise error

    async with running(broken) as listener:
        answer = await asked(listener, "/readyz")
        assert (answer.status, answer.body) == (503, reason)


async def test_a_probe_that_hangs_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PROBE_TIME", 0.1)
    hangs, release = threading.Event(), threading.Event()

    def hang() -> Health:
        hangs.set()
        release.wait(30)
        return Health()

    async with running(hang) as listener:
        try:
            waiting = asyncio.create_task(asked(listener, "/readyz"))
            assert await asyncio.to_thread(hangs.wait, 10)
            unready, alive, figures = await asyncio.gather(waiting, asked(listener, "/healthz"), asked(listener, "/metrics"))
        finally:
            release.set()
        assert (unready.status, unready.body) == (503, b"probe-timeout\n")
        assert (alive.status, figures.status) == (200, 503)


async def test_the_figures_are_in_prometheus_text() -> None:
    async with running() as listener, httpx2.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{listener.port}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = {
        (sample.name, sample.labels.get("state")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples == {
        ("mailgate_mails_accepted_total", None): 42,
        ("mailgate_letters_sent_total", None): 70,
        ("mailgate_inbox_rows", "received"): 2,
        ("mailgate_inbox_rows", "done"): 40,
        ("mailgate_outbox_rows", "queued"): 3,
        ("mailgate_outbox_rows", "sent"): 70,
        ("mailgate_timers_due", None): 1,
        ("mailgate_timers_held", None): 0,
        ("mailgate_oldest_queued_seconds", None): 12.5,
        ("mailgate_relay_breaker_open", None): 1,
        ("mailgate_last_tick_age_seconds", None): 0.4,
    }


async def test_figures_that_cannot_be_had_are_no_figures() -> None:
    def broken() -> Figures:
        raise Temporary("ann@corp.example")

    async with running(metrics=broken) as listener:
        answer = await asked(listener, "/metrics")
        assert (answer.status, answer.body) == (503, b"unavailable\n")


def test_case_121_no_label_holds_an_address_and_no_age_is_made_up() -> None:
    text = exposition(Figures(inbox={"for ann@corp.example": 1})).decode()
    assert "ann" not in text
    assert 'mailgate_inbox_rows{state="unnamed"} 1.0' in text
    assert "mailgate_last_tick_age_seconds" not in text


# ------------------------------------------------------------------------------------------------ what it refuses

REQUESTS = [
    ("/healthz", "GET", {}, 200),
    ("/healthz", "HEAD", {}, 200),
    ("/readyz", "HEAD", {}, 200),
    ("/metrics", "GET", {}, 200),
    ("/healthz?next=https://evil.example/", "GET", {}, 200),
    ("/healthz", "POST", {}, 405),
    ("/metrics", "DELETE", {}, 405),
    ("/readyz", "OPTIONS", {}, 405),
    ("/healthz", "TRACE", {}, 405),
    ("/", "GET", {}, 404),
    ("/favicon.ico", "GET", {}, 404),
    ("/healthz/", "GET", {}, 404),
    ("//evil.example/healthz", "GET", {}, 404),
    ("/%2e%2e/%2e%2e/etc/passwd", "GET", {}, 404),
    ("/healthz%00", "GET", {}, 404),
    ("/approval/" + "a" * 43, "POST", {}, 404),
    ("/healthz", "GET", {"Upgrade": "websocket", "Connection": "Upgrade"}, 200),
    ("/healthz", "GET", {"Host": "evil.example"}, 421),
    ("/healthz", "POST", {"Content-Length": "200000"}, 413),
    ("/healthz", "GET", {"Transfer-Encoding": "chunked"}, 411),
]


@pytest.mark.parametrize(("path", "method", "headers", "status"), REQUESTS)
async def test_every_answer_has_its_status_and_the_strict_headers(path: str, method: str, headers: dict[str, str], status: int) -> None:
    async with running() as listener:
        answer = await asked(listener, path, method, headers)
    assert answer.status == status
    for name, value in STRICT_HEADERS:
        assert answer.headers[name.decode()] == value.decode()
    assert "server" not in answer.headers
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert (answer.body == b"") is (method == "HEAD")
    if status == 404:
        assert answer.body == b"not found\n"


async def test_what_is_no_http_is_told_so_and_no_more() -> None:
    async with running() as listener:
        answer = await asyncio.to_thread(say, listener.port, b"EHLO evil.example\r\n\r\n")
    head = answer.decode().lower()
    assert head.startswith("http/1.1 400 ")
    assert all(f"{name.decode()}: {value.decode()}" in head for name, value in STRICT_HEADERS)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("192.0.2.80", 200),
        ("LOCALHOST:8080", 200),
        ("Desk.Corp.Example", 200),
        ("desk.corp.example:443", 200),
        # Case 54: a name of the attacker's that leads to this address.
        ("rebind.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil-desk.corp.example", 421),
        ("127.0.0.1@evil.example", 421),
        ("", 421),
    ],
)
async def test_case_54_only_our_own_names_and_bare_addresses_are_answered(host: str, status: int) -> None:
    async with running(names=frozenset({"desk.corp.example"})) as listener:
        assert (await asked(listener, "/metrics", headers={"Host": host})).status == status


async def test_a_probe_of_http_1_0_needs_no_host() -> None:
    async with running() as listener:
        assert (await asyncio.to_thread(say, listener.port, b"GET /healthz HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_huge_head_is_refused_before_it_is_read() -> None:
    async with running() as listener:
        head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 60_000
        answer = await asyncio.to_thread(say, listener.port, head)
    assert answer.startswith(b"HTTP/1.1 400")


async def test_a_request_that_never_ends_is_cut_off_and_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_wire, "CONNECTION_TIME", 0.3)
    async with running() as listener:
        slow = [asyncio.to_thread(say, listener.port, b"GET /healthz HTT") for _ in range(5)]
        answer, *silence = await asyncio.gather(asked(listener, "/healthz"), *slow)
    assert answer.status == 200
    assert silence == [b""] * 5


async def test_connections_beyond_the_limit_are_dropped_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_wire, "MOST_CONNECTIONS", 3)
    async with running() as listener:
        held = [await asyncio.to_thread(socket.create_connection, ("127.0.0.1", listener.port)) for _ in range(3)]
        with pytest.raises(ConnectionError):
            await asked(listener, "/healthz")
        for one in held:
            one.close()
        # The server hears of the closed connections in its own time.
        for _ in range(1000):
            if await served(listener):
                break
        assert await served(listener)


async def served(listener: Web) -> bool:
    try:
        return (await asked(listener, "/healthz")).status == 200
    except ConnectionError:
        return False


# ------------------------------------------------------------------------------------------------ its start and its end


async def test_a_port_in_use_is_a_fault_that_names_the_address() -> None:
    async with running() as listener:
        second = Web(Settings(port=listener.port), Health, Figures)
        with pytest.raises(Misconfigured, match=rf"\[web\]: cannot listen on 127\.0\.0\.1:{listener.port}: .*in use"):
            await second.start()
        await second.stop()
        assert (await asked(listener, "/healthz")).status == 200


async def test_a_host_that_is_not_ours_is_a_fault() -> None:
    listener = Web(Settings(host="192.0.2.1", port=0), Health, Figures)
    with pytest.raises(Misconfigured, match=r"192\.0\.2\.1:0"):
        await listener.start()
    await listener.stop()


async def test_stopping_what_never_started_is_harmless() -> None:
    await Web(Settings(), Health, Figures).stop()


async def test_signals_stay_with_the_daemon() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with running():
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_a_socket_that_was_handed_in_is_used_and_sends_without_delay() -> None:
    given = socket.socket()
    given.bind(("127.0.0.1", 0))
    given.listen()
    port = given.getsockname()[1]
    listener = Web(Settings(port=1), Health, Figures)
    await listener.start([given])
    try:
        assert listener.port == port
        assert [one.proto for one in listener._sockets] == [socket.IPPROTO_TCP]
        assert (await asked(listener, "/healthz")).status == 200
    finally:
        await listener.stop()


async def test_after_stop_nobody_listens_and_a_request_that_ran_was_answered() -> None:
    entered, release = threading.Event(), threading.Event()

    def slow() -> Health:
        entered.set()
        release.wait(10)
        return Health()

    async with running(slow) as listener:
        port = listener.port
        request = asyncio.create_task(asked(listener, "/readyz"))
        await asyncio.to_thread(entered.wait, 10)
        stopping = asyncio.create_task(listener.stop())
        await asyncio.sleep(0)
        release.set()
        assert (await request).status == 200
        await stopping
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(ask, port, "/healthz")


def test_reading_the_settings_loads_no_web_server() -> None:
    heavy = "{'starlette', 'uvicorn', 'prometheus_client', 'h11', 'anyio'}"
    code = f"import sys, mailgate.channels.web, mailgate.channels.web_pages; print(*sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
