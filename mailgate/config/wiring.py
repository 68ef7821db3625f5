"""What do the channels get of the settings? Stands apart, because importing a channel costs a short-lived command a tenth of a second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from mailgate.channels import imap_in, imap_session, oauth, smtp_in, smtp_out, web_wire
from mailgate.config.settings import ImapAccount, OAuth2, Settings, StartAt


def smtp_settings(settings: Settings) -> smtp_in.Settings:
    """The [smtp] table as the listener wants it."""
    smtp = settings.smtp
    return smtp_in.Settings(
        host=smtp.host,
        port=smtp.port,
        tls_cert=smtp.tls_cert,
        tls_key=smtp.tls_key,
        max_size=smtp.max_size,
        lmtp=smtp.lmtp,
        allow=smtp.allow,
        submission=smtp.submission,
    )


def smtp_limits(settings: Settings) -> smtp_in.Limits:
    """The limits of the listener, with those that `security.limits` sets."""
    limits = settings.security.limits
    return smtp_in.Limits(
        connections=limits.connections,
        connections_per_peer=limits.connections_per_peer,
        recipients=limits.recipients,
    )


def relay(settings: Settings) -> smtp_out.Relay:
    """The [relay] table as the courier wants it; it asks for the password at each login, since somebody may have changed it."""
    relay = settings.relay
    return smtp_out.Relay(
        host=relay.host or "",
        port=relay.port,
        tls=relay.tls.value,
        user=relay.user or "",
        password=relay.password.reveal if relay.password else str,
        directory=relay.directory,
    )


def imap_accounts(settings: Settings, clock: Callable[[], datetime]) -> list[imap_in.Account]:
    """The [[imap]] tables as the fetchers want them; a mailbox takes no larger mail than SMTP does. `clock` gives aware UTC."""
    return [
        imap_in.Account(
            name=one.name, desk=one.desk, folder=one.folder, processed=one.processed, largest=settings.smtp.max_size,
            server=imap_session.Server(
                host=one.host, port=one.port, tls=one.tls.value, user=one.user,
                password=one.password.reveal if one.password else str, grant=grant(one, one.oauth2, clock) if one.oauth2 else None,
            ),
            start=clock() if one.start_at is StartAt.NOW else None if one.start_at is StartAt.ALL else one.start_at,
        )
        for one in settings.imap
    ]  # fmt: skip


def grant(account: ImapAccount, oauth2: OAuth2, clock: Callable[[], datetime]) -> oauth.Grant:
    """The access of an account with OAuth2. A renewed refresh token goes into the file that the old one came from, if it came from one."""
    settings = oauth.Settings(
        account=account.name,
        token_url=oauth2.token_url,
        client_id=oauth2.client_id,
        client_secret=oauth2.client_secret.reveal() if oauth2.client_secret else "",
        refresh_token=oauth2.refresh_token.reveal() if oauth2.refresh_token else "",
        scope=oauth2.scope,
    )
    file = oauth2.refresh_token_file
    return oauth.Grant(settings, oauth.keeper(file), clock, read=oauth.reader(file)) if file else oauth.Grant(settings, None, clock)


def web_settings(settings: Settings) -> web_wire.Settings:
    """The [web] table as the web listener wants it; browsers may name any host of a desk's public_url."""
    names = frozenset(name for desk in settings.desks if (name := urlsplit(desk.public_url).hostname))
    return web_wire.Settings(settings.web.host, settings.web.port, tuple(str(one) for one in settings.web.trusted_proxies), names)
