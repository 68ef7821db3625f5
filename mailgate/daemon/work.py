"""Who takes the stored mails through the house? A thread: first what the intake just stored, then whatever else waits in the inbox."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from mailgate.desk.errors import Temporary
from mailgate.flow import journal
from mailgate.flow.intake import Intake
from mailgate.flow.step import BATCH, Worker
from mailgate.store.inbox import Claim
from mailgate.store.outbox import Posted

# After trouble of our own the thread waits so many seconds before it goes on.
_PAUSE = 1.0


class Workbench:
    """Runs a worker on a thread of its own until it is closed. Nothing that a mail or the database does ends the thread."""

    def __init__(self, worker: Worker, intake: Intake, post: Callable[[list[Posted]], None]) -> None:
        """`post` gets the letters that are to be sent at once; it is called on the thread."""
        self._worker, self._intake, self._post = worker, intake, post
        self._wake = threading.Event()
        self._look = True
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="worker", daemon=True)

    def start(self) -> None:
        """Begins to work, with what an earlier life left in the inbox."""
        self._thread.start()
        self._wake.set()

    def stored(self) -> None:
        """The intake has stored something."""
        self._wake.set()

    def look(self) -> None:
        """Once a moment: there may be mails in the inbox that did not come through our own intake, or whose time has come."""
        self._look = True
        self._wake.set()

    def close(self, patience: float) -> None:
        """Finishes the batch in hand and ends the thread; waits so many seconds for it."""
        self._closing = True
        self._wake.set()
        self._thread.join(patience)

    def _serve(self) -> None:
        while not self._closing:
            self._wake.wait()
            self._wake.clear()
            try:
                self._work_off()
            except Temporary as error:
                journal.trouble("worker", error)
                self._wake_later()
            except Exception as error:
                journal.trouble("worker", error)
                self._wake_later()

    def _wake_later(self) -> None:
        if not self._closing:
            timer = threading.Timer(_PAUSE, self.look)
            timer.daemon = True
            timer.start()

    def _work_off(self) -> None:
        while not self._closing and (claims := self._in_hand()):
            self._hand_on(self._worker.process(claims))
        alone = False
        while not self._closing and self._look:
            count, posted = self._worker.run(alone=alone)
            self._hand_on(posted)
            # What was tried before has its turn after each batch of fresh mails, so that neither waits for the other for ever.
            alone = not alone
            self._look = count > 0 or alone

    def _in_hand(self) -> list[Claim]:
        claims: list[Claim] = []
        try:
            while len(claims) < BATCH:
                claims.append(self._intake.in_hand.get_nowait())
        except queue.Empty:
            pass
        return claims

    def _hand_on(self, posted: list[Posted]) -> None:
        if posted:
            self._post(posted)
