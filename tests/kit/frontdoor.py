"""The web pages of an office over a real socket: the listener runs in a thread of its own, and visitors come with or without a browser."""

from __future__ import annotations

import asyncio
import html
import re
import threading
from hashlib import sha256
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx2
from sqlalchemy import select

from mailgate.channels.web import Web
from mailgate.channels.web_metrics import Figures, Health
from mailgate.channels.web_pages import Pages
from mailgate.channels.web_wire import Settings
from mailgate.flow.reception import Reception
from mailgate.mail.parse import parse
from mailgate.store import schema
from mailgate.store.engine import Store
from tests.kit.office import Letter, Office

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_TAGS = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)


class Frontdoor:
    """Serves the pages of an office while it is open."""

    def __init__(self, office: Office, settings: Settings | None = None) -> None:
        self.office = office
        self._web: Web | None = None
        self._settings = settings or Settings(port=0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="frontdoor", daemon=True)
        self._visitors: list[Visitor] = []

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for visitor in self._visitors:
            visitor.client.close()
        if self._web is not None:
            asyncio.run_coroutine_threadsafe(self._web.stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        office = self.office
        pages = Pages(office.house, lambda: Reception(office.store, office.house, lambda: office.now, parse))
        self._web = Web(self._settings, Health, Figures, pages)
        await self._web.start()

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        assert self._web is not None
        return self._web.port

    @property
    def url(self) -> str:
        """Its address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def visitor(self) -> Visitor:
        """Somebody with a browser of his own, which knows cookies and no scripts. He goes when the door is closed, if not before."""
        self._visitors.append(Visitor(self.url))
        return self._visitors[-1]


class Visitor:
    """A visitor who reads pages and presses buttons, as a browser without scripts lets him."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(base_url=url, timeout=30, verify=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()

    def opens(self, path: str, **headers: str) -> Seen:
        """The page at this path."""
        return Seen(self.client.get(path, headers=headers))

    def presses(self, path: str, **fields: str) -> Seen:
        """Opens the page, fills in its first form, and sends it with these fields."""
        return self.sends(path, self.opens(path).hidden, **fields)

    def sends(self, path: str, hidden: dict[str, str], **fields: str) -> Seen:
        """Sends a form whose hidden fields are these."""
        return Seen(self.client.post(path, data={**hidden, **fields}))


class Seen:
    """A page, as somebody reads it."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.html = response.text

    @property
    def text(self) -> str:
        """Its words, on one line."""
        return " ".join(html.unescape(_TAGS.sub(" ", self.html)).split())

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of its first form."""
        form = self.html.partition("<form")[2].partition("</form>")[0]
        return {name: html.unescape(value) for name, value in _HIDDEN.findall(form)}


def link(letter: Letter, page: str) -> str:
    """The path of the page of that name in a letter of ours."""
    found = re.search(rf"https?://[^\s<>\"?]+/{page}/[A-Za-z0-9._-]+", letter.text)
    assert found, f"no link to /{page}/ in {letter.name}"
    return urlsplit(found[0]).path


def rows_of(store: Store) -> dict[str, str]:
    """The SHA-256 of all rows of each table: what changes nothing changes none of them."""
    with store.look() as tx:
        tables = schema.metadata.sorted_tables
        return {one.name: sha256(repr(sorted(map(repr, tx.execute(select(one)).all()))).encode()).hexdigest() for one in tables}
