"""What do the channels get of the settings? Stands apart, because importing a channel costs a short-lived command a tenth of a second."""

from __future__ import annotations

from urllib.parse import urlsplit

from mailgate.channels import smtp_in, smtp_out, web
from mailgate.config.settings import Settings


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
    """The [relay] table as the courier wants it; here its password stops being a Secret."""
    relay = settings.relay
    return smtp_out.Relay(
        host=relay.host or "",
        port=relay.port,
        tls=relay.tls.value,
        user=relay.user or "",
        password=relay.password.reveal() if relay.password else "",
        directory=relay.directory,
    )


def web_settings(settings: Settings) -> web.Settings:
    """The [web] table as the web listener wants it; browsers may name any host of a desk's public_url."""
    names = frozenset(name for desk in settings.desks if (name := urlsplit(desk.public_url).hostname))
    return web.Settings(settings.web.host, settings.web.port, tuple(str(one) for one in settings.web.trusted_proxies), names)
