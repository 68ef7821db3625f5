"""Somebody who works here comes in to the desk's pages, as he does it: he asks for a link, finds it in his mail, and presses the button."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.kit.frontdoor import Frontdoor, Seen, Visitor, link
from tests.kit.office import Office


def asks(visitor: Visitor, address: str) -> Seen:
    """He fills in his address."""
    return visitor.presses("/desk", address=address)


def mailed(office: Office, address: str) -> str:
    """The path of the link that he was mailed last."""
    return link(office.last("login", address), "desk/login")


def comes_in(door: Frontdoor, address: str) -> Visitor:
    """A visitor who has come in."""
    visitor = door.visitor()
    asks(visitor, address)
    entered = visitor.presses(mailed(door.office, address))
    assert entered.status == 303
    assert urlsplit(entered.response.headers["location"]).path == "../../desk"
    return visitor


def logins(office: Office) -> list[str]:
    """To whom links were mailed, oldest first."""
    return [one.to for one in office.everything_sent() if one.name == "login"]
