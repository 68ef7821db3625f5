"""Does a grant bring access tokens, keep what it must not lose, and tell nobody a secret? Against an endpoint that the test runs."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import trustme

from mailgate.channels import oauth
from mailgate.channels.oauth import Grant, Settings, keeper, reader, xoauth2
from mailgate.desk.errors import MailgateError, Misconfigured, Permanent, Temporary

SECRETS = ("client-s3cret", "refresh-0ne", "refresh-tw0", "access-t0ken")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Endpoint:
    """A token endpoint on loopback: answers what `answers` says, in turn, the last one for ever; `asked` are the forms it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes] | Callable[[BaseHTTPRequestHandler], object]] = []
        self.asked: list[dict[str, str]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                endpoint.asked.append({name: values[0] for name, values in form.items()})
                answer = endpoint.answers.pop(0) if len(endpoint.answers) > 1 else endpoint.answers[0]
                if not isinstance(answer, tuple):
                    answer(self)
                    return
                self.send_response(answer[0])
                self.send_header("Location", f"http://127.0.0.1:{endpoint.port}/elsewhere")
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # So that closing waits for those who still answer.
        self.server.daemon_threads = False
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def says(self, *answers: dict[str, object], status: int = 200) -> None:
        """The answers from now on, as JSON."""
        self.answers = [(status, json.dumps(one).encode()) for one in answers]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def settings(endpoint: Endpoint, refresh_token: str = "refresh-0ne") -> Settings:
    return Settings("m365", endpoint.url, "the-client", "client-s3cret", refresh_token, "mail offline")


def token(access: str = "access-t0ken", seconds: object = 3600, **more: object) -> dict[str, object]:
    return {"token_type": "Bearer", "access_token": access, "expires_in": seconds, **more}


async def failure(grant: Grant) -> MailgateError:
    """Why no token came. That no secret stands in it, nor in the errors behind it, is checked for each."""
    with pytest.raises(MailgateError) as caught:
        await grant.access_token()
    error: BaseException | None = caught.value
    while error is not None:
        assert not [secret for secret in SECRETS if secret in f"{error} {error!r}"]
        error = None if error.__suppress_context__ else error.__context__
    return caught.value


# ------------------------------------------------------------------------------------------------------------ the grants


async def test_a_refresh_token_is_used_where_there_is_one(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.says(token())
    assert await Grant(settings(endpoint), None, clock).access_token() == "access-t0ken"
    assert endpoint.asked == [
        {
            "grant_type": "refresh_token", "refresh_token": "refresh-0ne", "client_id": "the-client", "client_secret": "client-s3cret",
            "scope": "mail offline",
        }
    ]  # fmt: skip


async def test_without_a_refresh_token_the_client_asks_for_itself(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.says(token(refresh_token="refresh-tw0"))
    grant = Grant(settings(endpoint, refresh_token=""), None, clock)
    assert await grant.access_token() == "access-t0ken"
    grant.forget()
    await grant.access_token()
    expected = {"grant_type": "client_credentials", "client_id": "the-client", "client_secret": "client-s3cret", "scope": "mail offline"}
    assert endpoint.asked == [expected, expected]


async def test_a_public_client_sends_no_secret(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.says(token())
    await Grant(Settings("a", endpoint.url, "c", refresh_token="r"), None, clock).access_token()
    assert endpoint.asked == [{"grant_type": "refresh_token", "refresh_token": "r", "client_id": "c"}]


async def test_a_token_serves_until_a_minute_before_its_end(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.says(token("first", 3600), token("second", "3600"), token("third"))
    grant = Grant(settings(endpoint), None, clock)
    assert await grant.access_token() == "first"
    clock.turn(seconds=3539)
    assert await grant.access_token() == "first"
    clock.turn(seconds=1)
    assert await grant.access_token() == "second"
    clock.turn(seconds=3539)
    assert await grant.access_token() == "second"
    assert len(endpoint.asked) == 2
    grant.forget()
    assert await grant.access_token() == "third"


@pytest.mark.parametrize("told", [None, "soon", -5, 1.5, True, [], "9" * 30])
async def test_a_lifetime_that_is_none_counts_as_a_short_one(endpoint: Endpoint, clock: Clock, told: object) -> None:
    endpoint.says(token("first", told), token("second"))
    grant = Grant(settings(endpoint), None, clock)
    await grant.access_token()
    clock.turn(minutes=3, seconds=59)
    assert await grant.access_token() == "first"
    clock.turn(seconds=1)
    assert await grant.access_token() == "second"


async def test_many_who_ask_at_once_cost_one_question(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.says(token("first"), token("second"))
    grant = Grant(settings(endpoint), None, clock)
    assert await asyncio.gather(*(grant.access_token() for _ in range(5))) == ["first"] * 5
    assert len(endpoint.asked) == 1


# -------------------------------------------------------------------------------------------------------------- rotation


async def test_a_new_refresh_token_is_kept_before_anything_comes_of_it(endpoint: Endpoint, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "refresh"
    path.write_text("refresh-0ne\n")
    path.chmod(0o600)
    endpoint.says(token(seconds=60, refresh_token="refresh-tw0"), token(refresh_token="refresh-tw0"))
    grant = Grant(settings(endpoint), keeper(path), clock)
    await grant.access_token()
    assert path.read_text() == "refresh-tw0\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / ".refresh.new").exists()
    kept = path.stat().st_ino
    await grant.access_token()
    assert [one["refresh_token"] for one in endpoint.asked] == ["refresh-0ne", "refresh-tw0"]
    # One that did not change is not written again.
    assert path.stat().st_ino == kept


async def test_a_refresh_token_that_cannot_be_kept_is_not_used_until_it_can(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.says(token("first", refresh_token="refresh-tw0"), token("second"))
    kept: list[str] = []
    broken = True

    def keep(fresh: str) -> None:
        if broken:
            raise Temporary("no space left")
        kept.append(fresh)

    grant = Grant(settings(endpoint), keep, clock)
    assert str(await failure(grant)) == "no space left"
    assert str(await failure(grant)) == "no space left"
    # The endpoint is not asked with a token that a crash would lose.
    assert len(endpoint.asked) == 1
    broken = False
    assert await grant.access_token() == "second"
    assert kept == ["refresh-tw0"]
    assert endpoint.asked[1]["refresh_token"] == "refresh-tw0"


async def test_a_refresh_token_that_somebody_else_has_put_into_the_file_is_used_from_then_on(
    endpoint: Endpoint, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "refresh"
    endpoint.says(token(seconds=60, refresh_token="refresh-tw0"), token(seconds=60), token(seconds=60))
    path.write_text("refresh-0ne\n")
    grant = Grant(settings(endpoint), keeper(path), clock, read=reader(path))
    await grant.access_token()
    path.write_text("refresh-thr33\n")
    await grant.access_token()
    for nothing in ("", "two words\n", "\u00fc\n"):
        path.write_text(nothing)
        await grant.access_token()
    path.unlink()
    await grant.access_token()
    assert [one["refresh_token"] for one in endpoint.asked] == ["refresh-0ne", *["refresh-thr33"] * 5]


async def test_a_refresh_token_that_could_not_be_kept_is_not_given_up_for_the_one_in_the_file(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.says(token(refresh_token="refresh-tw0"), token())
    kept = ["refresh-0ne"]
    full = True

    def keep(fresh: str) -> None:
        if full:
            raise Temporary("no space left")
        kept.append(fresh)

    grant = Grant(settings(endpoint), keep, clock, read=lambda: kept[-1])
    await failure(grant)
    full = False
    await grant.access_token()
    assert [one["refresh_token"] for one in endpoint.asked] == ["refresh-0ne", "refresh-tw0"]


async def test_a_full_disk_is_told_without_the_token(endpoint: Endpoint, clock: Clock, tmp_path: Path) -> None:
    endpoint.says(token(refresh_token="refresh-tw0"))
    error = await failure(Grant(settings(endpoint), keeper(tmp_path / "gone" / "refresh"), clock))
    assert isinstance(error, Temporary)
    assert "cannot be kept: No such file or directory" in str(error)


async def test_a_new_refresh_token_is_kept_even_with_an_answer_that_is_of_no_use(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.says({"refresh_token": "refresh-tw0"})
    kept: list[str] = []
    await failure(Grant(settings(endpoint), kept.append, clock))
    assert kept == ["refresh-tw0"]


async def test_a_task_that_is_cancelled_loses_no_rotation(endpoint: Endpoint, clock: Clock) -> None:
    asked, go_on, kept = threading.Event(), threading.Event(), threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        go_on.wait(10)
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(json.dumps(token(refresh_token="refresh-tw0")).encode())

    endpoint.answers = [wait]
    grant = Grant(settings(endpoint), lambda _: kept.set(), clock)
    task = asyncio.create_task(grant.access_token())
    await asyncio.to_thread(asked.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    assert await asyncio.to_thread(kept.wait, 10)
    assert await grant.access_token() == "access-t0ken"


async def test_a_rotation_without_a_file_is_told(endpoint: Endpoint, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    endpoint.says(token(refresh_token="refresh-tw0"))
    await Grant(settings(endpoint), None, clock).access_token()
    assert "code=oauth-not-kept" in caplog.text
    assert not [secret for secret in SECRETS if secret in caplog.text]


async def test_the_operator_is_told_once_that_the_refresh_token_ends_soon(
    endpoint: Endpoint, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.says(
        token(refresh_token_expires_in=8 * 86_400), token(refresh_token_expires_in=86_400), token(refresh_token_expires_in=86_300)
    )
    grant = Grant(settings(endpoint), None, clock)
    assert grant.expires is None
    for _ in range(3):
        await grant.access_token()
        grant.forget()
        if len(endpoint.asked) == 1:
            assert grant.expires == START + timedelta(days=8)
            assert grant.ends_soon is None
            assert caplog.text == ""
    alerts = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert alerts == ['alert code=oauth-expires text="m365: the refresh token ends at 2026-03-02 12:00 UTC; get a new one"']


# ---------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("word", ["invalid_grant", "invalid_client"])
async def test_what_only_the_operator_can_mend_is_permanent(endpoint: Endpoint, clock: Clock, word: str) -> None:
    endpoint.says({"error": word, "error_description": "client-s3cret refresh-0ne", "error_codes": [700082]}, status=400)
    error = await failure(Grant(settings(endpoint), None, clock))
    assert isinstance(error, Permanent)
    assert error.code == "oauth"
    assert str(error) == f"m365: 127.0.0.1 refuses our grant: {word} AADSTS700082"


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (400, {"error": "unauthorized_client"}, "unauthorized_client"),
        (400, {"error": "client-s3cret", "error_codes": ["refresh-0ne"]}, "status 400"),
        (400, {"error": ["invalid_grant"]}, "status 400"),
        (500, {"error": "invalid_grant"}, "invalid_grant"),
        (503, {}, "status 503"),
        (302, {}, "status 302"),
        (200, {"error": "access-t0ken"}, "the answer holds no bearer token"),
        (200, {"access_token": "access-t0ken\r\nevil"}, "the answer holds no bearer token"),
        (200, {"access_token": "access-t0ken", "token_type": "mac"}, "the answer holds no bearer token"),
    ],
)
async def test_every_other_refusal_is_temporary(
    endpoint: Endpoint, clock: Clock, status: int, answer: dict[str, object], told: str
) -> None:
    endpoint.says(answer, status=status)
    error = await failure(Grant(settings(endpoint), None, clock))
    assert isinstance(error, Temporary)
    assert str(error) == f"m365: 127.0.0.1 gives no token: {told}"
    # A redirect in particular is not followed.
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<html>access-t0ken",
        b"[" * 60_000,
        b'["access-t0ken"]',
        b"\xff\xfe",
        b'{"a":' * 9000,
        b" " * 70_000 + b'{"access_token":"t"}',
        b"9" * 5000,
    ],
    ids=["empty", "html", "deep", "list", "no-text", "deep-objects", "large", "digits"],
)
async def test_garbage_is_temporary(endpoint: Endpoint, clock: Clock, octets: bytes) -> None:
    endpoint.answers = [(200, octets)]
    assert isinstance(await failure(Grant(settings(endpoint), None, clock)), Temporary)


async def test_what_is_no_http_is_temporary_and_not_repeated(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.answers = [lambda handler: handler.wfile.write(b"access-t0ken\r\n\r\n")]
    error = await failure(Grant(settings(endpoint), None, clock))
    assert str(error) == "m365: 127.0.0.1 gives no token: no answer of HTTP (BadStatusLine)"


async def test_a_silent_endpoint_is_left_after_a_while(endpoint: Endpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "_PATIENCE", 0.2)
    over = threading.Event()
    endpoint.answers = [lambda _: over.wait(10)]
    try:
        assert str(await failure(Grant(settings(endpoint), None, clock))) == "m365: 127.0.0.1 gives no token: no answer in time"
    finally:
        over.set()


async def test_an_answer_in_drops_is_left_after_a_while(endpoint: Endpoint, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "_PATIENCE", 0.3)
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    endpoint.answers = [drip]
    try:
        assert str(await failure(Grant(settings(endpoint), None, clock))) == "m365: 127.0.0.1 gives no token: no answer in time"
    finally:
        over.set()


async def test_nobody_there_is_temporary(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.close()
    endpoint.server.server_close()
    error = await failure(Grant(settings(endpoint), None, clock))
    assert isinstance(error, Temporary)
    assert "Connection refused" in str(error)


async def test_after_an_error_the_next_try_may_succeed(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.answers = [(503, b""), (200, json.dumps(token()).encode())]
    grant = Grant(settings(endpoint), None, clock)
    await failure(grant)
    assert await grant.access_token() == "access-t0ken"


# ----------------------------------------------------------------------------------------------------------- the wire


@pytest.mark.parametrize(
    "url", ["http://login.example.com/token", "http://localhost.example.com/", "http://192.0.2.1/", "ftp://127.0.0.1/"]
)
def test_secrets_cross_no_network_in_the_clear(url: str, clock: Clock) -> None:
    with pytest.raises(Misconfigured, match="token_url has to be https"):
        Grant(Settings("m365", url, "c"), None, clock)


@pytest.mark.parametrize("known", [True, False])
async def test_the_certificate_of_the_endpoint_is_checked(endpoint: Endpoint, clock: Clock, *, known: bool) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    endpoint.server.socket = context.wrap_socket(endpoint.server.socket, server_side=True)
    endpoint.server.handle_error = lambda *_: None  # type: ignore[method-assign]
    endpoint.says(token())
    trust = ssl.create_default_context()
    if known:
        authority.configure_trust(trust)
    grant = Grant(Settings("m365", f"https://localhost:{endpoint.port}/token", "c", "client-s3cret"), None, clock, trust=trust)
    if known:
        assert await grant.access_token() == "access-t0ken"
    else:
        assert "the certificate is not good: unable to get local issuer certificate" in str(await failure(grant))
        assert endpoint.asked == []


def test_no_secret_stands_in_a_repr(endpoint: Endpoint, clock: Clock) -> None:
    shown = f"{settings(endpoint)!r} {Grant(settings(endpoint), None, clock)!r}"
    assert not [secret for secret in SECRETS if secret in shown]


def test_the_line_of_xoauth2_is_that_of_the_documents() -> None:
    # https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
    line = xoauth2("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
    assert base64.b64decode(line) == b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
    assert b"\n" not in line
