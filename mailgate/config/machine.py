"""What does mailgate.toml say: desks, database, channels, security? Policy and people are read beside it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from mailgate.config import scalars
from mailgate.config.reader import Bad, File, Node, Reader, Table, choice, day, flag, integer, known, line, listed, named, quoted, shown
from mailgate.config.secrets import Vault, variable_of
from mailgate.config.settings import ImapAccount, OAuth2, Relay, Smtp, StartAt, Store, Tls, Web
from mailgate.desk.model import Strength, fold_address
from mailgate.desk.policy import WORDS, Desk, Limits, Security, Verify

_LISTENING = integer(0, 65535)
_PORT = integer(1, 65535)
_SUBADDRESS = ("+", "-", "=", "_", "")
# What `require` may ask for; less than the rules of the house ask for cannot be had.
_REQUIRED = {strength.value: strength for strength in (Strength.ALIGNED, Strength.TOKEN)}
_POSTGRESQL = "postgresql+psycopg"
_SQLITE = "sqlite"


class Machine(Struct, frozen=True):
    """All of mailgate.toml."""

    desks: tuple[Desk, ...]
    store: Store
    key_file: Path
    smtp: Smtp
    imap: tuple[ImapAccount, ...]
    relay: Relay
    web: Web
    security: Security


def read_machine(file: File, vault: Vault, teams: Collection[str] = ()) -> Machine:
    """The values of mailgate.toml; its faults are recorded in the file. A relative path starts at the vault's root.

    `teams` are the names that a desk may refer to.
    """
    top = file.root()
    web = _web(top.table("web"))
    desks = _desks(top, teams)
    return Machine(
        desks=desks,
        store=_store(top.table("store"), vault),
        key_file=vault.key_file(top.table("keys")),
        smtp=_smtp(top.table("smtp"), vault.root),
        imap=_imap(top, vault, desks),
        relay=_relay(top.table("relay"), vault),
        web=web,
        security=_security(top.table("security")),
    )


def _desks(top: Table, teams: Collection[str]) -> tuple[Desk, ...]:
    """Each [[desk]], or the default one. The names, tags and addresses of two desks differ."""
    default = Desk()
    tables = list(top.tables("desk")) or [top.table("desk")]
    owners: dict[tuple[str, str], Table] = {}
    desks = []
    for table in tables:
        desk = _desk(table, default, teams)
        words = [("name", "name", desk.name), ("tag", "tag", desk.tag), ("address", "address", desk.address)]
        for key, kind, word in words + [("aliases", "address", alias) for alias in desk.aliases]:
            if owners.setdefault((kind, word.lower()), table) is not table:
                table.fault(key, f"{quoted(word)} is the {kind} of another desk already")
        desks.append(desk)
    return tuple(desks)


def _desk(table: Table, default: Desk, teams: Collection[str]) -> Desk:
    return Desk(
        name=table.get("name", line, default.name),
        address=table.get("address", scalars.address, default.address),
        aliases=table.get("aliases", listed(scalars.address), ()),
        subaddress=table.get("subaddress", _subaddress, default.subaddress),
        tag=table.get("tag", scalars.tag, default.tag),
        public_url=table.get("public_url", scalars.url, default.public_url),
        language=table.get("language", scalars.language, default.language),
        timezone=table.get("timezone", scalars.timezone, default.timezone),
        lists=table.get("lists", listed(_list_id), ()),
        teams=table.get("teams", listed(known(teams, "team")), None),
        confidential=table.get("confidential", flag, default.confidential),
    )


def _subaddress(node: Node) -> str:
    if node.value not in _SUBADDRESS:
        raise Bad(f"must be one of {', '.join(quoted(sign) for sign in _SUBADDRESS)}, not {shown(node.value)}")
    return str(node.value)


def _list_id(node: Node) -> str:
    """A List-Id as it stands between its angle brackets (RFC 2919)."""
    return line(node).strip("<>").lower()


def _store(table: Table, vault: Vault) -> Store:
    default = f"{_SQLITE}:///{vault.root / 'var/mailgate.db'}"
    return Store(table.get("url", _store_url(vault.root), default), vault.secret(table, "password", "store-password"))


def _store_url(root: Path) -> Reader[str]:
    def read(node: Node) -> str:
        value = line(node)
        scheme, _, rest = value.partition("://")
        if scheme == _SQLITE and rest.startswith("/") and len(rest) > 1 and rest != "/:memory:":
            return f"{_SQLITE}:///{root / rest[1:]}"
        if scheme != _POSTGRESQL:
            # The value is not repeated: a password may stand in it.
            raise Bad(f'must be a URL like "{_SQLITE}:///var/mailgate.db" or "{_POSTGRESQL}://user@host/database"')
        if urlsplit(value).password or "password=" in value.lower():
            raise Bad("a password does not stand in the URL; name its file as password_file, or set MAILGATE_STORE_PASSWORD")
        return value

    return read


def _smtp(table: Table, root: Path) -> Smtp:
    default = Smtp()
    smtp = Smtp(
        host=table.get("host", scalars.host, default.host),
        port=table.get("port", _LISTENING, default.port),
        tls_cert=table.get("tls_cert", _present(root), None),
        tls_key=table.get("tls_key", _present(root), None),
        max_size=table.get("max_size", scalars.size, default.max_size),
        lmtp=table.get("lmtp", flag, default.lmtp),
        allow=table.get("allow", listed(scalars.network), default.allow),
        submission=table.get("submission", listed(scalars.network), default.submission),
    )
    for one, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if one in table and other not in table:
            table.fault(one, f"needs {other} beside it")
    return smtp


def _present(root: Path) -> Reader[Path]:
    def read(node: Node) -> Path:
        path = scalars.path(root)(node)
        try:
            path.stat()
        except OSError as error:
            raise Bad(f"{path}: {error.strerror}") from None
        return path

    return read


def _imap(top: Table, vault: Vault, desks: tuple[Desk, ...]) -> tuple[ImapAccount, ...]:
    accounts = []
    names: set[str] = set()
    for table in top.tables("imap"):
        account = _account(table, vault, desks)
        if account.name.lower() in names:
            table.fault("name", f"there is another account {quoted(account.name)}")
        names.add(account.name.lower())
        accounts.append(account)
    return tuple(accounts)


def _account(table: Table, vault: Vault, desks: tuple[Desk, ...]) -> ImapAccount:
    host = table.need("host", scalars.host, "localhost")
    user = table.need("user", line, "nobody")
    name = table.get("name", line, user)
    tls = table.get("tls", choice(Tls), Tls.IMPLICIT)
    if tls is Tls.NONE and not _is_loopback(host):
        table.fault("tls", f'"none" is for loopback only; {quoted(host)} is not')
    prefix = "imap-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    oauth2 = table.get("oauth2", _oauth2(vault, prefix), None)
    password = vault.daemons(table, "password", f"{prefix}-password")
    if vault.whole and not password and not _mentions(table, "oauth2", "password", "password_file"):
        table.fault("password_file", f"is missing (or oauth2, or {variable_of(f'{prefix}-password')})")
    return ImapAccount(
        name=name,
        host=host,
        port=table.get("port", _PORT, 993 if tls is Tls.IMPLICIT else 143),
        user=user,
        tls=tls,
        password=password,
        oauth2=oauth2,
        folder=table.get("folder", line, "INBOX"),
        processed=table.get("processed", line, None),
        start_at=table.get("start_at", _start_at, StartAt.NOW),
        desk=_desk_of(table, user, desks),
    )


def _desk_of(table: Table, user: str, desks: tuple[Desk, ...]) -> str:
    """The desk whose address the user is, or the only one."""
    address = fold_address(user)
    found = [desk.name for desk in desks if address in desk.addresses] or [desk.name for desk in desks if len(desks) == 1]
    if not found and "user" in table:
        table.fault("user", f"{quoted(user)} is the address of no desk, and there are {len(desks)}; make it an alias of the right one")
    return found[0] if found else desks[0].name


def _oauth2(vault: Vault, prefix: str) -> Reader[OAuth2]:
    def read(node: Node) -> OAuth2:
        table = node.table()
        oauth2 = OAuth2(
            token_url=table.need("token_url", scalars.url, ""),
            client_id=table.need("client_id", line, ""),
            client_secret=vault.daemons(table, "client_secret", f"{prefix}-client-secret"),
            refresh_token=vault.daemons(table, "refresh_token", f"{prefix}-refresh-token"),
            refresh_token_file=table.get("refresh_token_file", scalars.path(vault.root), None),
            scope=table.get("scope", line, ""),
        )
        if oauth2.token_url.startswith("http:") and not _is_loopback(urlsplit(oauth2.token_url).hostname or ""):
            table.fault("token_url", "must be https; only to loopback secrets may travel in the clear")
        named = _mentions(table, "client_secret", "client_secret_file", "refresh_token", "refresh_token_file")
        if vault.whole and not named and not oauth2.client_secret and not oauth2.refresh_token:
            table.fault("client_secret_file", "is missing (or refresh_token_file)")
        return oauth2

    return read


def _mentions(table: Table, *keys: str) -> bool:
    return any(key in table for key in keys)


def _start_at(node: Node) -> StartAt | date:
    try:
        return StartAt(str(node.value))
    except ValueError:
        pass
    try:
        return day(node)
    except Bad:
        raise Bad(f'must be "now", "all" or a date like "2026-12-24", not {shown(node.value)}') from None


def _relay(table: Table, vault: Vault) -> Relay:
    host = table.get("host", scalars.host, None)
    tls = table.get("tls", choice(Tls), Tls.NONE if host and _is_loopback(host) else Tls.STARTTLS)
    relay = Relay(
        directory=table.get("directory", scalars.path(vault.root), vault.root / "var/outbound"),
        host=host,
        port=table.get("port", _PORT, {Tls.IMPLICIT: 465, Tls.STARTTLS: 587, Tls.NONE: 25}[tls]),
        tls=tls,
        user=table.get("user", line, None),
        password=vault.daemons(table, "password", "relay-password"),
    )
    for key in ("port", "tls", "user", "password_file"):
        if key in table and "host" not in table:
            table.fault(key, "says nothing without host")
    if vault.whole and relay.host and relay.user and not relay.password and not _mentions(table, "password", "password_file"):
        table.fault("user", "needs password_file (or MAILGATE_RELAY_PASSWORD)")
    if relay.user and relay.host and tls is Tls.NONE and not _is_loopback(relay.host):
        table.fault("tls", f'with "none" the password would cross the network in the clear on its way to {quoted(relay.host)}')
    return relay


def _web(table: Table) -> Web:
    return Web(
        host=table.get("host", scalars.host, Web().host),
        port=table.get("port", _LISTENING, Web().port),
        trusted_proxies=table.get("trusted_proxies", listed(scalars.network), ()),
    )


def _security(table: Table) -> Security:
    return Security(
        authserv_ids=table.get("authserv_ids", listed(line), ()),
        border=table.get("border", listed(scalars.network_or_host), ()),
        internal=table.get("internal", listed(scalars.header), ()),
        forms=table.get("forms", listed(scalars.address), ()),
        require=_require(table.table("require"), WORDS),
        verify=table.get("verify", choice(Verify), Verify.NONE),
        limits=_limits(table.table("limits")),
    )


def _require(table: Table, verbs: Iterable[str]) -> dict[str, Strength]:
    wanted = {verb: table.get(verb, named(_REQUIRED, "strength"), None) for verb in sorted(verbs)}
    return {verb: strength for verb, strength in wanted.items() if strength}


def _limits(table: Table) -> Limits:
    default = Limits()
    return Limits(
        connections=table.get("connections", integer(1, 100_000), default.connections),
        connections_per_peer=table.get("connections_per_peer", integer(1, 100_000), default.connections_per_peer),
        recipients=table.get("recipients", integer(1, 10_000), default.recipients),
        parse_time=table.get("parse_time", scalars.duration, default.parse_time),
        parse_memory=table.get("parse_memory", scalars.size, default.parse_memory),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
