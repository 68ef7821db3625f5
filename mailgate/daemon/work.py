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
_EVERYTHING = 1_000_000


class Workbench:
    """Runs a worker on a thread of its own until it is closed. Nothing that a mail or the database does ends the thread.

    Mails in hand while the database or the reader is away stay in hand: they are ours until their lease ends, and need no second claim.
    """

    def __init__(self, worker: Worker, intake: Intake, post: Callable[[list[Posted]], None]) -> None:
        """`post` gets the letters that are to be sent at once; it is called on the thread."""
        self._worker, self._intake, self._post = worker, intake, post
        self._hand: list[Claim] = []
        # What was worked on when trouble came, whether there was any since, and how much of it the intake had known of before.
        self._tried: list[Claim] = []
        self._doubtful = False
        self._doubts = 0
        self._wake = threading.Event()
        self._look = True
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="worker", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread works."""
        return self._thread.is_alive()

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
        """Finishes the batch in hand and ends the thread; waits so many seconds for it. Harmless where it never began."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _serve(self) -> None:
        while not self._closing:
            self._wake.wait()
            self._wake.clear()
            try:
                self._work_off()
            except (Temporary, OSError) as error:
                journal.trouble("worker", error)
                self._wake_later()
            except Exception as error:
                # A fault of ours: the next try of these mails comes when their lease ends, and meanwhile others have their turn.
                journal.trouble("worker", error)
                self._hand, self._tried, self._doubtful = [], [], False
                self._wake_later()

    def _wake_later(self) -> None:
        if not self._closing:
            timer = threading.Timer(_PAUSE, self.look)
            timer.daemon = True
            timer.start()

    def _work_off(self) -> None:
        self._recover()
        while not self._closing and (self._hand or self._take_stored(BATCH)):
            self._process()
        alone = False
        while not self._closing and self._look:
            self._hand = self._claimed(alone)
            found = bool(self._hand)
            self._process()
            # What was tried before has its turn after each batch of fresh mails, so that neither waits for the other for ever.
            alone = not alone
            self._look = found or alone

    def _recover(self) -> None:
        """After trouble there may be claims in our name of which nobody here knows: they would wait for the end of their lease."""
        doubts = self._intake.doubts
        if doubts == self._doubts and not self._doubtful:
            return
        self._take_stored(_EVERYTHING)
        self._worker.recover(self._hand, self._tried)
        self._doubts, self._doubtful, self._tried = doubts, False, []

    def _take_stored(self, most: int) -> bool:
        """Whether the intake has stored something for us; it is in hand then."""
        try:
            while len(self._hand) < most:
                self._hand.append(self._intake.in_hand.get_nowait())
        except queue.Empty:
            pass
        return bool(self._hand)

    def _claimed(self, alone: bool) -> list[Claim]:
        self._doubtful = True
        claims = self._worker.claim(alone=alone)
        self._doubtful = False
        return claims

    def _process(self) -> None:
        self._tried = self._hand[:BATCH]
        self._doubtful = True
        posted = self._worker.process(self._tried)
        self._doubtful = False
        self._hand, self._tried = self._hand[BATCH:], []
        if posted:
            self._post(posted)
