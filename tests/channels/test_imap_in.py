"""How does the fetcher go about a server that will not have it? A server of the test's own, and no clock that anybody waits for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailgate.channels.imap_in import Account, Fetcher, Pace
from mailgate.channels.imap_session import Server, connected
from mailgate.desk.errors import Permanent
from mailgate.desk.letters import Mailbox
from mailgate.flow.fetch import Ledger
from mailgate.flow.outages import Outages
from mailgate.store import mailboxes
from tests.channels.test_imap_wire import Say, polite, recording, server, speaking
from tests.kit.office import DESK, START, Office


async def refusing(tag: bytes, command: bytes, say: Say) -> bool | None:
    """Lets nobody in."""
    if command == b"CAPABILITY":
        say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n" + tag + b" OK done\r\n")
    else:
        say(tag + b" NO [AUTHENTICATIONFAILED] no\r\n")
    return None


async def leaving(tag: bytes, command: bytes, say: Say) -> bool | None:
    """Hangs up at the first word."""
    return False


@contextlib.asynccontextmanager
async def fetching(
    office: Office, at: Server, chance: Callable[[], float] = lambda: 0.5, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    pace: Pace | None = None,
) -> AsyncIterator[None]:  # fmt: skip
    """A fetcher at work."""
    box = Account("box", DESK.name, at, "INBOX", None, None, 1_000_000)
    outages = Outages(office.store, office.house, DESK.name, Mailbox("box", "server", "INBOX", START), lambda: office.now)
    ledger = Ledger(office.store, office.house, "me", "box", "INBOX", (DESK.address,), lambda: office.now, lambda: None)
    task = asyncio.create_task(Fetcher(box, ledger, outages, chance, pace, sleep).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def waits(office: Office, at: Server, chances: list[float]) -> list[float]:
    """What the fetcher waits after each failure in a row, while the clock of the test goes on without waiting."""
    heard: list[float] = []
    ended = asyncio.Event()
    given = iter(chances)

    async def sleep(seconds: float) -> None:
        heard.append(seconds)
        if len(heard) == len(chances):
            ended.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(20), fetching(office, at, lambda: next(given), sleep):
        await ended.wait()
    return heard


async def test_after_refused_logins_it_waits_longer_each_time_up_to_a_quarter_of_an_hour(tmp_path: Path) -> None:
    office = Office(tmp_path)
    async with speaking(refusing) as port:
        assert await waits(office, server(port), [0.5, 0.0, 1.0, 0.5, 0.5, 0.5, 0.5, 1.0]) == pytest.approx(
            [30, 60 * 0.8, 120 * 1.2, 240, 480, 900, 900, 900]
        )
    assert [one.name for one in office.letters()] == ["mailbox"]
    office.close()


async def test_after_lost_connections_it_is_back_within_a_minute_and_tells_nobody_at_once(tmp_path: Path) -> None:
    office = Office(tmp_path)
    async with speaking(leaving) as port:
        assert await waits(office, server(port), [0.5] * 8) == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])
    assert office.letters() == []
    office.close()


async def test_a_flag_that_is_refused_is_asked_for_at_each_look_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    office = Office(tmp_path)
    found = {
        b"SELECT": b"* OK [UIDVALIDITY 5] good\r\n",
        b"SEARCH": b"* SEARCH 7\r\n",
        b"FETCH": b"* 1 FETCH (UID 7 RFC822.SIZE 9 BODY[] {9}\r\nA: b\r\n\r\nc)\r\n",
    }
    heard: list[bytes] = []
    reply, over = recording(heard, found, b"IMAP4rev1"), asyncio.Event()

    async def without_flags(tag: bytes, command: bytes, say: Say) -> bool | None:
        if not command.startswith(b"UID STORE"):
            return await reply(tag, command, say)
        heard.append(command)
        say(tag + b" NO this folder is read-only\r\n")
        if heard.count(command) == 4:
            over.set()
        return None

    async with speaking(without_flags) as port, asyncio.timeout(20), fetching(office, server(port), pace=Pace(look=0.05)):
        await over.wait()
    assert caplog.text.count("read-only") == 1
    # It was stored all the same, once.
    assert sum(one.startswith(b"UID FETCH") for one in heard) == 2
    office.close()


async def test_no_command_names_more_than_a_hundred_mails(tmp_path: Path) -> None:
    office = Office(tmp_path)
    heard: list[bytes] = []
    uids = range(1, 1001, 3)
    found = {
        b"SELECT": b"* OK [UIDVALIDITY 5] good\r\n",
        b"SEARCH": b"* SEARCH " + " ".join(map(str, uids)).encode() + b"\r\n",
        b"FETCH": b"".join(b"* 1 FETCH (UID %d RFC822.SIZE 99999999)\r\n" % uid for uid in uids),
    }
    reply, over = recording(heard, found, b"IMAP4rev1"), asyncio.Event()

    async def until_noop(tag: bytes, command: bytes, say: Say) -> bool | None:
        if command == b"NOOP":
            over.set()
        return await reply(tag, command, say)

    async with speaking(until_noop) as port, asyncio.timeout(20), fetching(office, server(port), pace=Pace(look=0.1)):
        await over.wait()
    named = [one.split()[2].split(b",") for one in heard if one.startswith(b"UID FETCH")]
    assert [len(one) for one in named] == [100, 100, 100, 34]
    office.close()


async def test_a_connection_that_is_lost_after_minutes_of_fetching_is_no_standstill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, now, heard = Office(tmp_path), 1000.0, 0
    monkeypatch.setattr("mailgate.channels.imap_in.time", SimpleNamespace(monotonic=lambda: now))
    uids = range(1, 251)
    found = {
        b"SELECT": b"* OK [UIDVALIDITY 5] good\r\n",
        b"SEARCH": b"* SEARCH " + " ".join(map(str, uids)).encode() + b"\r\n",
        b"FETCH": b"".join(b"* 1 FETCH (UID %d RFC822.SIZE 99999999)\r\n" % uid for uid in uids),
    }
    reply = recording([], found, b"IMAP4rev1")

    async def slow(tag: bytes, command: bytes, say: Say) -> bool | None:
        nonlocal now, heard
        if command.startswith(b"UID FETCH"):
            now, heard = now + 50, heard + 1
        return False if heard == 3 and command.startswith(b"UID SEARCH") else await reply(tag, command, say)

    async with speaking(slow) as port:
        assert await waits(office, server(port), [0.5]) == [1]
    assert heard == 3
    assert office.letters() == []
    office.close()


class Box:
    """A folder on a server: its mails, the next UID as the server tells it, the mails that it refuses, and the searches that it heard."""

    def __init__(self, uids: Iterable[int], following: int = 0, refused: Collection[int] = (), octets: int = 9) -> None:
        self.uids, self.following, self.refused, self.octets = list(uids), following, set(refused), octets
        self.searches: list[bytes] = []
        self.found: list[int] = []
        self.looks = 0

    async def __call__(self, tag: bytes, command: bytes, say: Say) -> bool | None:
        words = command.split()
        self.looks += words[0] == b"NOOP"
        if words[0] == b"SELECT":
            told = b"* OK [UIDNEXT %d] next\r\n" % self.following if self.following else b""
            say(b"* OK [UIDVALIDITY 5] good\r\n" + told)
        elif words[:2] == [b"UID", b"SEARCH"]:
            found = [uid for uid in self.uids if all(self._within(uid, one) for one in words[3::2])]
            self.searches.append(command)
            self.found.append(len(found))
            say(b"* SEARCH " + b" ".join(b"%d" % uid for uid in found) + b"\r\n")
        elif words[:2] == [b"UID", b"FETCH"]:
            asked = [uid for uid in self.uids if self._within(uid, words[2])]
            if b"PEEK" in command and self.refused.intersection(asked):
                say(tag + b" NO not this one\r\n")
                return None
            told = b"RFC822.SIZE %d" % self.octets if b"SIZE" in command else b"BODY[] {9}\r\nA: b\r\n\r\nc"
            say(b"".join(b"* 1 FETCH (UID %d %b)\r\n" % (uid, told) for uid in asked))
        return await polite({}, b"IMAP4rev1")(tag, command, say)

    def _within(self, uid: int, among: bytes) -> bool:
        runs = [one.partition(b":") for one in among.split(b",")]
        # `n:*` names the last mail even where its UID is below n.
        return any(
            uid >= int(low) or uid == self.uids[-1] if high == b"*" else int(low) <= uid <= int(high or low) for low, _, high in runs
        )


def known(office: Office) -> tuple[int, dict[int, str]]:
    """Below which UID nothing is to be fetched any more, and how each mail stands."""
    with office.store.look() as tx:
        cursor, rows = mailboxes.cursor(tx, "box", "INBOX"), mailboxes.known(tx, mailboxes.Folder("box", "INBOX", 5))
    return cursor.lowest if cursor else 0, {uid: str(state) for uid, (state, _, _) in rows.items()}


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_no_search_answers_with_a_whole_folder_and_the_ledger_goes_forward_with_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailgate.channels.imap_in._WINDOW", 100)
    office, box = Office(tmp_path), Box(range(1, 351), 351, octets=99_999_999)
    reached: list[int] = []

    async def watched(tag: bytes, command: bytes, say: Say) -> bool | None:
        if command.startswith(b"UID SEARCH"):
            reached.append(known(office)[0])
        return await box(tag, command, say)

    async with speaking(watched) as port, fetching(office, server(port), pace=Pace(look=0.05)):
        await until(lambda: box.looks > 1)
    assert box.found[:4] == [100, 100, 100, 50]
    assert reached[:5] == [1, 101, 201, 301, 351]
    assert known(office) == (351, dict.fromkeys(range(1, 351), "given-up"))
    # Once all is known, one search a look is enough.
    assert box.searches[-1] == b"UID SEARCH UID 351:*"
    office.close()


@pytest.mark.parametrize("following", [4_000_000_001, 0])
async def test_uids_that_are_far_apart_need_few_searches(following: int, tmp_path: Path) -> None:
    office, box = Office(tmp_path), Box([5, 2_000_000_000, 4_000_000_000], following)
    async with speaking(box) as port, fetching(office, server(port), pace=Pace(look=0.05)):
        await until(lambda: box.looks > 0)
    assert known(office) == (4_000_000_001, dict.fromkeys(box.uids, "finalised"))
    assert len(box.searches) < 40
    office.close()


async def test_a_server_that_is_wrong_about_its_next_uid_loses_nothing(tmp_path: Path) -> None:
    office, box = Office(tmp_path), Box([1, 2], 100_000)
    async with speaking(box) as port, fetching(office, server(port), pace=Pace(look=0.05)):
        await until(lambda: box.looks > 2)
        box.uids.append(3)
        await until(lambda: known(office) == (4, dict.fromkeys((1, 2, 3), "finalised")))
    office.close()


async def test_a_mail_that_cannot_be_had_holds_the_ledger_back_and_no_other_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office, box = Office(tmp_path), Box(range(1, 6), 6, refused=[3])
    async with speaking(box) as port:
        async with fetching(office, server(port), pace=Pace(look=0.05)):
            await until(lambda: box.looks > 1)
            assert known(office) == (3, {1: "finalised", 2: "finalised", 3: "failed", 4: "finalised", 5: "finalised"})
            box.uids.append(6)
            # The others are not looked at again because of it.
            await until(lambda: box.searches[-1] == b"UID SEARCH UID 7:*")
            assert known(office)[0] == 3
            assert known(office)[1][6] == "finalised"
        monkeypatch.setattr("mailgate.channels.imap_in._RETRY", 0.01)
        async with fetching(office, server(port), pace=Pace(look=0.05)):
            await until(lambda: known(office)[0] == 7)
    assert known(office)[1][3] == "given-up"
    office.close()


async def test_a_mail_that_could_not_be_had_and_is_expunged_holds_nothing_back_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailgate.channels.imap_in._RETRY", 0.5)
    office, box = Office(tmp_path), Box(range(1, 6), 6, refused=[3])
    async with speaking(box) as port, fetching(office, server(port), pace=Pace(look=0.05)):
        await until(lambda: box.looks > 0)
        box.uids.remove(3)
        await until(lambda: known(office)[0] == 6)
    # Nobody was told of it, as of one that is given up.
    assert known(office)[1][3] == "failed"
    office.close()


@pytest.mark.parametrize(
    ("failures", "chance", "refused", "seconds"),
    [(1, 0.0, False, 0.8), (99, 1.0, False, 60), (99, 0.0, False, 48), (10**6, 0.5, True, 900), (10**6, 0.0, True, 720)],
)
def test_chance_moves_a_wait_by_a_fifth_and_never_beyond_the_longest(failures: int, chance: float, refused: bool, seconds: float) -> None:
    assert Pace().pause(failures, chance, refused=refused) == pytest.approx(seconds)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
async def test_nothing_is_said_in_the_clear_to_another_machine(host: str) -> None:
    with pytest.raises(Permanent, match="is not this machine"):
        await connected(Server(host, 143, "none", "alice", password=lambda: "secret-word", patience=2.0))


async def test_a_name_that_stands_for_another_machine_as_well_is_not_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async def elsewhere(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("127.0.0.1", 143)), (2, 1, 6, "", ("192.0.2.1", 143))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", elsewhere)
    with pytest.raises(Permanent, match="is not this machine"):
        await connected(Server("localhost", 143, "none", "alice", password=lambda: "secret-word", patience=2.0))
