"""What does the configuration say, as values? The machine's part; the rules are `desk.policy`, the people `desk.model.Directory`.

The channels have settings of their own, which `wiring` makes of these: so a command that opens no channel need not import asyncio.

Every path is absolute. A secret is a `Secret`, which shows itself to nobody who prints these values.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path

from msgspec import Struct

from mailgate.config.scalars import Network
from mailgate.config.secrets import Secret
from mailgate.desk.model import Directory
from mailgate.desk.policy import Desk, Policy, Security

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Tls(StrEnum):
    """How a connection is encrypted: from its first octet, by STARTTLS (which is then required), or not at all."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class StartAt(StrEnum):
    """With which mails a mailbox begins when it is read for the first time."""

    NOW = "now"
    ALL = "all"


class Store(Struct, frozen=True):
    """The database, as an SQLAlchemy URL without a password."""

    url: str
    password: Secret | None = None


class Smtp(Struct, frozen=True):
    """Where mail is taken in. `allow` and `submission` are networks: who may connect, and whose senders are aligned.

    `max_size` is octets.
    """

    host: str = "127.0.0.1"
    port: int = 2525
    tls_cert: Path | None = None
    tls_key: Path | None = None
    max_size: int = 35_000_000
    lmtp: bool = False
    allow: tuple[Network, ...] = LOOPBACK
    submission: tuple[Network, ...] = ()


class Relay(Struct, frozen=True):
    """Where letters go: to the relay `host`, or where that is None, into the Maildir `directory`."""

    directory: Path
    host: str | None = None
    port: int = 587
    tls: Tls = Tls.STARTTLS
    user: str | None = None
    password: Secret | None = None


class OAuth2(Struct, frozen=True):
    """How to get an access token (RFC 6749). With a refresh token that grant is used, without one that of client credentials.

    `refresh_token_file` is where the refresh token stands, and a renewed one is kept; None where it came from elsewhere.
    """

    token_url: str
    client_id: str
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    refresh_token_file: Path | None = None
    scope: str = ""


class ImapAccount(Struct, frozen=True):
    """A mailbox to fetch from, for the desk of that name. `processed` is the folder to which done mails are moved; None: they stay and are
    flagged.
    """

    name: str
    host: str
    port: int
    user: str
    tls: Tls = Tls.IMPLICIT
    password: Secret | None = None
    oauth2: OAuth2 | None = None
    folder: str = "INBOX"
    processed: str | None = None
    start_at: StartAt | date = StartAt.NOW
    desk: str = ""


class Web(Struct, frozen=True):
    """Where the web pages listen. `trusted_proxies` are the networks whose X-Forwarded-For is believed."""

    host: str = "127.0.0.1"
    port: int = 8080
    trusted_proxies: tuple[Network, ...] = ()


class Settings(Struct, frozen=True):
    """Everything that config/ says. `machine` is its mailgate.toml; `templates` the operator's own folder, None: the packaged letters."""

    root: Path
    machine: Path
    templates: Path | None
    desks: tuple[Desk, ...]
    store: Store
    key_file: Path
    smtp: Smtp
    imap: tuple[ImapAccount, ...]
    relay: Relay
    web: Web
    security: Security
    policy: Policy
    people: Directory
