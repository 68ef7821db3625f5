"""What do the same mails cost without mailgate? The bare libraries, one after the other, in milliseconds of processor time for all.

No rule, no template, no look-up and no check is in these figures. They are a yardstick and no floor: where mailgate has a piece of its own
in the place of a library's, as its listener has for the lines of a mail, it may well be below that library.
"""

from __future__ import annotations

import asyncio
import email
import multiprocessing
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

_LINE = 10_000_000


def parse(mails: Sequence[bytes]) -> float:
    """Reading every mail with the standard library, each part decoded once."""
    begun = time.process_time()
    for mail in mails:
        for part in email.message_from_bytes(mail).walk():
            part.get_payload(decode=True)
    return _spent(begun)


def commit(mails: Sequence[bytes], folder: Path) -> float:
    """A durable SQLite commit for every mail."""
    database = _database(folder / "bare.db")
    database.execute("CREATE TABLE mails (id INTEGER PRIMARY KEY, raw BLOB)")
    begun = time.process_time()
    for mail in mails:
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO mails (raw) VALUES (?)", (mail,))
        database.execute("COMMIT")
    return _spent(begun)


def receive(client: Callable[[int], None]) -> float:
    """Taking the mails that a client sends to a port, by aiosmtpd in uvloop, and forgetting them. The client is another process."""
    with _runner() as runner:
        return runner.run(_received(client))


def rows(source: Path, folder: Path, commits: int) -> float:
    """Writing every row of a finished database again into an empty one with its tables and indexes, in so many durable commits.

    The full-text index is left out.
    """
    database = _database(folder / "again.db")
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as old:
        made = old.execute("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index'").fetchall()
        virtual = [name for name, _, sql in made if sql.startswith("CREATE VIRTUAL")]
        kept = [one for one in made if not re.match("sqlite_|" + "|".join(virtual or ["-"]), one[0])]
        for _, _, sql in kept:
            database.execute(sql)
        work = []
        for name, kind, _ in kept:
            if kind == "table":
                found = old.execute(f'SELECT * FROM "{name}"').fetchall()
                work += [(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(row))})', row) for row in found]
    share = len(work) // commits + 1
    begun = time.process_time()
    for start in range(0, len(work), share):
        database.execute("BEGIN IMMEDIATE")
        for sql, row in work[start : start + share]:
            database.execute(sql, row)
        database.execute("COMMIT")
    return _spent(begun)


def send(letters: Sequence[bytes], port: int) -> float:
    """Sending the letters over one connection to a relay that offers PIPELINING."""
    with _runner() as runner:
        return runner.run(_sent(letters, port))


def _spent(begun: float) -> float:
    return (time.process_time() - begun) * 1000


def _database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    return database


def _runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


class _Taken:
    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        return "250 2.0.0 Ok"


class _Patient(SMTP):
    line_length_limit = _LINE


async def _received(client: Callable[[int], None]) -> float:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Patient(_Taken(), hostname="bare", data_size_limit=0), "127.0.0.1", 0)
    process = multiprocessing.get_context("fork").Process(target=client, args=(server.sockets[0].getsockname()[1],))
    process.start()
    begun = time.process_time()
    ended = asyncio.Event()
    loop.add_reader(process.sentinel, ended.set)
    await ended.wait()
    loop.remove_reader(process.sentinel)
    spent = _spent(begun)
    process.join()
    server.close()
    assert process.exitcode == 0
    return spent


async def _sent(letters: Sequence[bytes], port: int) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def reply(code: bytes) -> None:
        while not (line := await reader.readline()).startswith(code + b" "):
            assert line.startswith(code)

    await reply(b"220")
    writer.write(b"EHLO bare\r\n")
    await reply(b"250")
    begun = time.process_time()
    for letter in letters:
        writer.write(b"MAIL FROM:<desk@desk.example>\r\nRCPT TO:<someone@out.example>\r\nDATA\r\n")
        for code in (b"250", b"250", b"354"):
            await reply(code)
        writer.write(letter.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        await reply(b"250")
    spent = _spent(begun)
    writer.close()
    return spent
