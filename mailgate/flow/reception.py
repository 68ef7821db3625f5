"""What does a visitor of a web page bring, and what does he get? Values between the listener and the functions behind the pages.

A page is a function of a `Reception` and a `Visit` that gives an `Answer`, or None where there is nothing under this address. It runs in a
thread of the listener's, and what it does it does in one transaction. Only a visit that `acts` may change anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct, field

from mailgate.desk.policy import Desk
from mailgate.flow.board import Board
from mailgate.flow.house import House
from mailgate.mail.parsed import ParsedMail
from mailgate.store.engine import Store


class Reception(Struct, frozen=True):
    """What stands behind the pages. `clock` gives aware UTC; `read` says what a mail says where that can do no harm, None where it dies."""

    store: Store
    house: House
    clock: Callable[[], datetime]
    read: Callable[[bytes], ParsedMail | None]
    # What was counted last for the desk's pages.
    board: Board = field(default_factory=Board)


class Visit(Struct, frozen=True):
    """A request for a page.

    `parts` are the parts of the path that the route names, `form` the fields of a POST, `peer` the visitor's network address. `acts` is
    true for a POST whose form came from this page and this browser (see desk/forms); `stale` for one of which that is not certain:
    its page shows the form again and does nothing. `digest` is the SHA-256 of the request in hex, for the record. `secret` is what the
    browser keeps for this page, and `proof` what the form carries that belongs to it. `secure` tells whether the visitor came by https,
    `mount` the path below which he knows us.
    """

    path: str
    parts: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    peer: str = ""
    secure: bool = False
    acts: bool = False
    stale: bool = False
    digest: str = ""
    secret: str = ""
    proof: str = ""
    mount: str = ""


class Cookie(Struct, frozen=True):
    """A cookie for the visitor's browser, out of reach of scripts and of other sites. Empty: he is to forget it. `lasts` is in seconds.

    `path` is below the address under which the visitor knows us; None: the folder of the page that sets it.
    """

    name: str
    value: str
    lasts: int
    path: str | None = None


class Page(Struct, frozen=True):
    """A page: the template `pages/<name>.j2` and the frozen value that it shows, of this desk and in the reader's language."""

    name: str
    desk: Desk
    view: object
    language: str
    status: int = 200
    cookies: tuple[Cookie, ...] = ()


class Download(Struct, frozen=True):
    """A file, which the visitor's browser keeps and never shows."""

    name: str
    octets: bytes


class Elsewhere(Struct, frozen=True):
    """The visitor goes on to another page of ours; `path` is below the address under which he knows us and begins with a slash."""

    path: str
    cookies: tuple[Cookie, ...] = ()


Answer = Page | Download | Elsewhere
PageFunction = Callable[[Reception, Visit], Answer | None]
