"""How does a fact reach the log of the daemon? As one line on standard error, written in one piece before anything else is done.

Nothing is kept back: what was logged is with the kernel when the next statement runs, whatever becomes of the process. What is logged is
the journal's question.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping

# These log every job, or the octets of mails.
_CHATTY = ("mail.log", "uvicorn", "asyncio", "alembic")
# Warns of each beat that a long one takes the place of, which is as it should be.
_BEATS = "apscheduler"
# What this one has to say of a broken connection, with a traceback, is told in one line by whoever wanted to use it.
_REPEATS = "sqlalchemy.pool"


class Lines(logging.Handler):
    """Writes each record to a file descriptor at once. Trouble with the log (a full disk, a closed pipe) is nobody else's trouble."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """One record, one write; a second one only where the kernel took a part of the first."""
        try:
            octets = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            while octets:
                octets = octets[os.write(self._descriptor, octets) :]
        except Exception:
            self.handleError(record)


class Line(logging.Formatter):
    """Date (unless somebody else writes it), level and message, as logging's own formatter has them; a second is spelt out once."""

    def __init__(self, *, dated: bool) -> None:
        super().__init__(f"{'%(asctime)s ' if dated else ''}%(levelname)s %(message)s")
        self._dated = dated
        self._second, self._spelt = -1, ""

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record; only one with an exception has more of them, and those are left to logging."""
        if record.exc_info or record.stack_info:
            return super().format(record)
        return f"{self._date(record)}{record.levelname} {record.getMessage()}"

    def _date(self, record: logging.LogRecord) -> str:
        if not self._dated:
            return ""
        second = int(record.created)
        if second != self._second:
            self._second, self._spelt = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._spelt},{int(record.msecs):03d} "


def to_standard_error(environ: Mapping[str, str]) -> None:
    """Sends the log of this process to standard error, from INFO on. What no line of it shows is not looked up either."""
    # The journal of systemd has clocks of its own.
    handler = Lines(2)
    handler.setFormatter(Line(dated=not environ.get("JOURNAL_STREAM")))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.raiseExceptions = False
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_BEATS).setLevel(logging.ERROR)
    logging.getLogger(_REPEATS).setLevel(logging.CRITICAL)
