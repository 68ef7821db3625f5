"""Who fetches mail from the IMAP mailboxes? One task an account, so that one whose server fails holds up no other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

from mailgate.channels.imap_in import Account, Fetcher
from mailgate.config import wiring
from mailgate.config.settings import Settings
from mailgate.daemon.clock import utc
from mailgate.desk.letters import Mailbox
from mailgate.flow.fetch import Ledger
from mailgate.flow.house import House
from mailgate.flow.outages import Outages
from mailgate.store.engine import Store


class Mailboxes:
    """The fetchers of all accounts, from `start` to `close`."""

    def __init__(self, settings: Settings, house: House, store: Store, owner: str, on_stored: Callable[[], None]) -> None:
        """`on_stored` is called, on any thread, after each commit that stored a mail."""

        def fetcher(account: Account) -> Fetcher:
            to, server = house.desk(account.desk).address, account.server
            ledger = Ledger(store, house, owner, account.name, account.folder, (to,), utc, on_stored)
            known = Mailbox(account.name, f"{server.host}:{server.port}", account.folder, utc())
            return Fetcher(account, ledger, Outages(store, house, account.desk, known, utc), random.random)

        self._fetchers = {one.name: fetcher(one) for one in wiring.imap_accounts(settings, utc)}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def fetching(self) -> Mapping[str, bool]:
        """Of each account whether its mails are fetched."""
        return {name: not fetcher.stopped for name, fetcher in self._fetchers.items()}

    @property
    def alive(self) -> bool:
        """Whether every fetcher goes on."""
        return not any(task.done() for task in self._tasks)

    def start(self) -> None:
        """Begins to fetch."""
        self._tasks = [asyncio.create_task(one.run(), name=f"imap:{name}") for name, one in self._fetchers.items()]

    async def close(self) -> None:
        """Ends all of them; what is being stored is stored first."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
