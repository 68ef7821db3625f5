"""With which access token do we log in to a mailbox now? Asks the token endpoint, and keeps what it gave (RFC 6749, sections 4.4 and 6).

One grant serves one account. Knows nothing of IMAP but the line in which XOAUTH2 carries the token. No token and no secret stands in an
error, a log or a repr: of what the endpoint says, only words and numbers that we know are repeated.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlencode, urlsplit

from mailgate.channels.disk import keep_names
from mailgate.desk.errors import MailgateError, Misconfigured, Permanent, Temporary
from mailgate.flow import journal

# Seconds for each wait on the connection, and for the whole body of the answer.
_PATIENCE = 15.0
_LARGEST = 64 * 1024
# An access token is not used in its last minute: the login has to be over before it ends.
_MARGIN = timedelta(minutes=1)
# RFC 6749 5.1 lets the endpoint keep silent about the lifetime; this is shorter than any that is usual.
_UNTOLD = timedelta(minutes=5)
_WARNED = timedelta(days=7)
# No lifetime is longer, whatever the endpoint says.
_LONGEST = 10 * 366 * 86_400
# The errors of RFC 6749 5.2, the only words of the endpoint that we repeat; the first two do not go away by themselves.
_FINAL = frozenset({"invalid_grant", "invalid_client"})
_ERRORS = _FINAL | {"invalid_request", "invalid_scope", "unauthorized_client", "unsupported_grant_type"}
# RFC 6750 2.1 and RFC 6749 A.17, and short enough for a line of IMAP.
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Whom to ask, and as whom: by a refresh token, or where there is none, by client credentials. `account` is what the log calls it."""

    account: str
    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    scope: str = ""


class Grant:
    """The access to one mailbox. Any number of tasks may ask at once; one of them goes to the endpoint, the others wait for its answer."""

    def __init__(
        self, settings: Settings, keep: Callable[[str], None] | None, clock: Callable[[], datetime], *,
        read: Callable[[], str] | None = None, trust: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """`keep` makes a new refresh token durable, and is called before that is used; None where the old one came from no file.

        `clock` gives aware UTC, `trust` says which certificates are good, by default those that the system trusts. Raises Misconfigured
        where secrets would travel in the clear. `read` says which refresh token is kept now ("": nobody can tell): the operator, or another
        command of ours, may have put a newer one there.
        """
        self._settings = settings
        self._endpoint = _endpoint(settings)
        self._keep = keep
        self._read = read
        self._clock = clock
        self._trust = trust
        self._turn = threading.Lock()
        self._access: tuple[str, datetime] | None = None
        self._refresh = settings.refresh_token
        self._unkept = False
        self._expires: datetime | None = None
        self._warned = False

    def __repr__(self) -> str:
        return f"Grant({self._settings.account!r})"

    @property
    def expires(self) -> datetime | None:
        """When the refresh token ends (UTC), if the endpoint told (Microsoft does where it is short, Google for apps under test)."""
        return self._expires

    async def access_token(self) -> str:
        """A token that is good for a minute at least.

        Raises Permanent (code "oauth") where the operator has to get a new grant or secret, Temporary where trying again may help.
        """
        # A thread is not cancelled with its task: what it learns is kept in any case.
        return self._current() or await asyncio.to_thread(self._renewed)

    @property
    def ends_soon(self) -> datetime | None:
        """When the refresh token ends (UTC), where that is less than a week ahead; None where it is not, or nobody knows."""
        soon = self._expires is not None and self._expires - self._clock() < _WARNED
        return self._expires if soon else None

    def forget(self) -> None:
        """The mail server refused the access token: the next one is a fresh one."""
        self._access = None

    def _current(self) -> str:
        access = self._access
        return access[0] if access and self._clock() < access[1] - _MARGIN else ""

    def _renewed(self) -> str:
        with self._turn:
            # Whoever had the turn before may have brought it.
            if token := self._current():
                return token
            self._secure()
            self._take_up()
            now = self._clock()
            answer = self._ask()
            self._rotate(answer, now)
            token, lifetime = self._token(answer)
            self._access = token, now + lifetime
            return token

    def _rotate(self, answer: Mapping[str, object], now: datetime) -> None:
        """Takes over what an answer says about the refresh token."""
        fresh, left = answer.get("refresh_token"), _seconds(answer.get("refresh_token_expires_in"))
        if not self._refresh:
            # RFC 6749 4.4.3: client credentials need none, and get none.
            return
        if isinstance(fresh, str) and _TOKEN.fullmatch(fresh) and fresh != self._refresh:
            self._refresh, self._unkept, self._expires = fresh, True, None
        if left is not None:
            self._expires = now + left
        self._secure()
        self._warn()

    def _take_up(self) -> None:
        """Goes on with the refresh token that is kept, where that is no longer ours."""
        kept = self._read() if self._read and self._refresh else ""
        if kept and kept != self._refresh:
            self._refresh, self._expires = kept, None

    def _secure(self) -> None:
        """Has a new refresh token kept. Where that fails, it is tried again before the token is used."""
        if not self._unkept:
            return
        if self._keep is not None:
            self._keep(self._refresh)
        else:
            text = f"{self._settings.account}: the refresh token was renewed and stands in no file; name a refresh_token_file"
            journal.alert("oauth-not-kept", text)
        self._unkept = False

    def _warn(self) -> None:
        """Tells the journal once when the refresh token has less than a week left."""
        end = self.ends_soon
        if end and not self._warned:
            text = f"{self._settings.account}: the refresh token ends at {end:%Y-%m-%d %H:%M} UTC; get a new one"
            journal.alert("oauth-expires", text)
        self._warned = end is not None

    def _ask(self) -> Mapping[str, object]:
        """What the endpoint answers to our grant. Client and secret stand in the body (RFC 6749 2.3.1), as all big ones want it."""
        settings = self._settings
        grant = {"grant_type": "refresh_token", "refresh_token": self._refresh} if self._refresh else {"grant_type": "client_credentials"}
        others = {"client_id": settings.client_id, "client_secret": settings.client_secret, "scope": settings.scope}
        body = urlencode({**grant, **{name: value for name, value in others.items() if value}}).encode("ascii")
        try:
            status, octets = self._post(body)
        except ssl.SSLCertVerificationError as error:
            raise self._later(f"the certificate is not good: {error.verify_message}") from None
        except OSError as error:
            raise self._later("no answer in time" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__) from None
        except (HTTPException, ValueError) as error:
            # Its text may be what the endpoint wrote.
            raise self._later(f"no answer of HTTP ({type(error).__name__})") from None
        answer = _read(octets)
        if status != 200:
            raise self._refused(status, answer)
        if not answer:
            raise self._later("the answer is no JSON object")
        return answer

    def _token(self, answer: Mapping[str, object]) -> tuple[str, timedelta]:
        """The access token of an answer, and how long it is good."""
        token, kind = answer.get("access_token"), answer.get("token_type", "Bearer")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or str(kind).lower() != "bearer":
            raise self._later("the answer holds no bearer token")
        lifetime = _seconds(answer.get("expires_in"))
        return token, _UNTOLD if lifetime is None else lifetime

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Redirects are answers like others: a secret goes nowhere but to the endpoint that was named."""
        end = self._endpoint
        connection = self._connection(end.hostname or "", end.port)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "Connection": "close"}
            connection.request("POST", end.path or "/", body, headers)
            with connection.getresponse() as answer:
                return answer.status, _body(answer)
        finally:
            connection.close()

    def _connection(self, host: str, port: int | None) -> HTTPConnection:
        if self._endpoint.scheme == "http":
            return HTTPConnection(host, port, timeout=_PATIENCE)
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return HTTPSConnection(host, port, timeout=_PATIENCE, context=self._trust)

    def _later(self, why: str) -> Temporary:
        return Temporary(f"{self._settings.account}: {self._endpoint.hostname} gives no token: {why}", code="oauth-later")

    def _refused(self, status: int, answer: Mapping[str, object]) -> MailgateError:
        word, numbers = str(answer.get("error")), answer.get("error_codes")
        # The numbers are Microsoft's, and tell its documentation what is wrong: 700082 is a refresh token that lay too long.
        codes = [f"AADSTS{one}" for one in numbers[:3] if type(one) is int and 0 < one < 10**9] if isinstance(numbers, list) else []
        why = " ".join([word, *codes] if word in _ERRORS else codes) or f"status {status}"
        if 400 <= status < 500 and word in _FINAL:
            return Permanent(f"{self._settings.account}: {self._endpoint.hostname} refuses our grant: {why}", code="oauth")
        return self._later(why)


def keeper(path: Path) -> Callable[[str], None]:
    """What keeps a refresh token in the file that it came from: a new file of mode 0600 takes its place. Raises Temporary."""

    def keep(token: str) -> None:
        fresh = path.with_name(f".{path.name}.new")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(f"{token}\n".encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            keep_names(path.parent)
        except OSError as error:
            raise Temporary(f"{path}: the new refresh token cannot be kept: {error.strerror}", code="oauth-later") from None

    return keep


def reader(path: Path) -> Callable[[], str]:
    """What reads the refresh token that is kept in a file; "" where that cannot be read, or holds no token."""

    def read() -> str:
        try:
            kept = path.read_text("ascii").strip()
        except (OSError, ValueError):
            return ""
        return kept if _TOKEN.fullmatch(kept) else ""

    return read


def xoauth2(user: str, token: str) -> bytes:
    """The initial response of AUTHENTICATE XOAUTH2, in base64, as Google and Microsoft document it."""
    return base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode())


def _endpoint(settings: Settings) -> SplitResult:
    url = urlsplit(settings.token_url)
    if url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.hostname or "")):
        return url
    raise Misconfigured(f"{settings.account}: oauth2.token_url has to be https; only to loopback secrets may travel in the clear")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _body(answer: HTTPResponse) -> bytes:
    """The body of an answer. Raises ValueError for one that is too large, TimeoutError for one that comes in drops."""
    octets, end = bytearray(), time.monotonic() + _PATIENCE
    while piece := answer.read1(_LARGEST):
        octets += piece
        if len(octets) > _LARGEST:
            raise ValueError
        if time.monotonic() > end:
            raise TimeoutError
    return bytes(octets)


def _read(octets: bytes) -> Mapping[str, object]:
    """The JSON object of an answer; an empty one for anything else."""
    try:
        value = json.loads(octets)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(value: object) -> timedelta | None:
    """A lifetime in seconds, which some endpoints write as a text; None for what is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    return timedelta(seconds=min(value, _LONGEST)) if type(value) is int and value >= 0 else None
