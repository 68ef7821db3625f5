"""Does the wire keep its promises against a server that says anything? A server of the test's own; Dovecot's turn is in tests/servers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailgate.channels.imap_session import LoginRefused, Server, Session, connected
from mailgate.channels.imap_wire import Lost, Refused, Wire, mailbox

Say = Callable[[bytes], None]
Reply = Callable[[bytes, bytes, Say], Awaitable[bool | None]]


@contextlib.asynccontextmanager
async def speaking(reply: Reply, greeting: bytes = b"* OK ready\r\n") -> AsyncIterator[int]:
    """A server: `reply` gets tag, command and a way to say something, and gives False where it hangs up."""

    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        writer.write(greeting)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                tag, _, rest = line.strip().partition(b" ")
                if await reply(tag, rest, writer.write) is False:
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*(one for one in serving if one))


@contextlib.asynccontextmanager
async def wired(reply: Reply, greeting: bytes = b"* OK ready\r\n") -> AsyncIterator[Wire]:
    async with speaking(reply, greeting) as port:
        _, wire = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", port)
        try:
            await wire.greeted(2)
            yield wire
        finally:
            wire.abort()
            await asyncio.sleep(0)


def server(port: int) -> Server:
    return Server("127.0.0.1", port, "none", "alice", password=lambda: "secret-word", patience=2.0)


def polite(special: dict[bytes, bytes], capabilities: bytes = b"IMAP4rev1 AUTH=PLAIN SASL-IR IDLE MOVE UIDPLUS") -> Reply:
    """Carries everything out; `special` are untagged lines to a command by its first word (the second, behind UID)."""

    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        words = command.upper().split()
        name = words[1] if words[:1] == [b"UID"] else words[0] if words else b""
        if name == b"CAPABILITY":
            say(b"* CAPABILITY " + capabilities + b"\r\n")
        say(special.get(name, b"") + tag + b" OK done\r\n")
        return None

    return reply


@contextlib.asynccontextmanager
async def in_session(special: dict[bytes, bytes]) -> AsyncIterator[Session]:
    async with speaking(polite(special)) as port:
        session = await connected(server(port))
        try:
            yield session
        finally:
            session.close()


async def test_many_thousand_responses_at_once_are_read_without_recursion() -> None:
    lines = b"".join(b"* %d FETCH (UID %d RFC822.SIZE 100)\r\n" % (number, number) for number in range(1, 20_001))
    async with in_session({b"FETCH": lines}) as session:
        assert await session.sizes(range(1, 20_001)) == dict.fromkeys(range(1, 20_001), 100)


async def test_what_stands_in_a_mail_is_no_word_of_the_server() -> None:
    mail = b"X: * 9 FETCH (UID 9)\r\n\r\n)\r\nA1 OK done\r\n* BYE (((\r\n{5}\r\n"
    lines = b"* 1 FETCH (BODY[] {%d}\r\n%b UID 7)\r\n* 2 FETCH (UID 8 BODY[] {0}\r\n)\r\n" % (len(mail), mail)
    async with in_session({b"FETCH": lines}) as session:
        assert await session.fetch({7, 8}, 100) == {7: mail, 8: b""}


async def test_a_mail_that_nobody_asked_for_is_not_taken() -> None:
    async with in_session({b"FETCH": b"* 1 FETCH (UID 6 BODY[] {2}\r\nhi)\r\n"}) as session:
        assert await session.fetch({7}, 100) == {}


async def test_search_leaves_out_the_last_mail_where_it_is_older_than_asked_for() -> None:
    async with in_session({b"SEARCH": b"* SEARCH 4\r\n"}) as session:
        assert await session.uids(5) == []


async def test_a_literal_of_four_gigabytes_ends_the_connection() -> None:
    async with in_session({b"FETCH": b"* 1 FETCH (UID 7 BODY[] {4294967295}\r\n"}) as session:
        with pytest.raises(Lost, match="4294967295"):
            await session.fetch({7}, 100)


async def test_a_connection_that_is_lost_in_a_command_is_noticed_at_once() -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        say(b"* 1 FETCH (UID 7 BODY[] {100}\r\nhalf")
        return False

    async with wired(reply) as wire:
        begun = time.monotonic()
        with pytest.raises(Lost, match="closed"):
            await wire.ask("FETCH", "7", "(UID BODY.PEEK[])", uid=True, seconds=10, most=1000)
        assert time.monotonic() - begun < 1


async def test_a_server_that_is_silent_is_given_up_and_the_wire_with_it() -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        return None

    async with wired(reply) as wire:
        with pytest.raises(Lost, match="no answer within"):
            await wire.ask("NOOP", seconds=0.1)
        with pytest.raises(Lost):
            await wire.ask("NOOP", seconds=5)


async def test_a_connection_that_is_half_there_is_noticed_at_the_end_of_idle() -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        if command == b"IDLE":
            say(b"+ idling\r\n")
        return None

    async with wired(reply) as wire:
        with pytest.raises(Lost, match="IDLE"):
            await wire.idle(0.1, 0.2)


async def test_idle_ends_as_soon_as_the_server_tells_of_a_mail() -> None:
    idling: list[bytes] = []

    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        if command == b"IDLE":
            idling.append(tag)
            say(b"+ idling\r\n* OK still here\r\n* 3 EXISTS\r\n")
        elif tag == b"DONE":
            say(idling[0] + b" OK done\r\n")
        return None

    async with wired(reply) as wire:
        begun = time.monotonic()
        assert await wire.idle(10, 1)
        assert time.monotonic() - begun < 1


@pytest.mark.parametrize("said", [b"* BYE overloaded\r\n", b""])
async def test_idle_that_is_answered_by_goodbye_ends_at_once(said: bytes) -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        say(said)
        return False

    async with wired(reply) as wire:
        with pytest.raises(Lost):
            await wire.idle(10, 5)


async def test_idle_in_which_the_server_hangs_up_ends_at_once() -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        say(b"+ idling\r\n* OK still here\r\n")
        return False

    async with wired(reply) as wire:
        with pytest.raises(Lost, match="closed"):
            async with asyncio.timeout(5):
                # As long as RFC 2177 lets it last.
                await wire.idle(1740, 20)


@pytest.mark.parametrize("greeting", [b"* OK ready\r\n", b""])
async def test_a_server_that_hangs_up_around_its_greeting_is_noticed_at_once(greeting: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        begun = time.monotonic()
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(Lost):
            await connected(Server("127.0.0.1", port, "none", "alice", password=lambda: "p", patience=20.0))
        assert time.monotonic() - begun < 1


def recording(heard: list[bytes], special: dict[bytes, bytes], capabilities: bytes) -> Reply:
    """As `polite`, and every command is written down."""
    politely = polite(special, capabilities)

    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        heard.append(command)
        return await politely(tag, command, say)

    return reply


@pytest.mark.parametrize("capabilities", [b"IMAP4rev1 MOVE UIDPLUS", b"IMAP4rev1 UIDPLUS"])
async def test_every_command_about_mails_names_them_by_uid_and_nothing_else_is_expunged(capabilities: bytes) -> None:
    heard: list[bytes] = []
    async with speaking(recording(heard, {b"SELECT": b"* OK [UIDVALIDITY 5] good\r\n"}, capabilities)) as port:
        session = await connected(server(port))
        await session.select("INBOX")
        heard.clear()
        await session.uids(1)
        await session.sizes([7, 8, 12])
        await session.fetch([7], 10)
        await session.flag([7])
        await session.move([8, 12], "Done")
        session.close()
    assert all(one.startswith(b"UID ") for one in heard)
    moved = [b'UID MOVE 8,12 "Done"']
    copied = [b'UID COPY 8,12 "Done"', b"UID STORE 8,12 +FLAGS.SILENT (\\Deleted)", b"UID EXPUNGE 8,12"]
    assert heard[4:] == (moved if b"MOVE" in capabilities else copied)


@pytest.mark.parametrize(
    ("permanent", "flags"),
    [(b"\\Seen \\*", b"(\\Seen $MailgateDone)"), (b"\\Seen $mailgatedone", b"(\\Seen $MailgateDone)"), (b"\\Seen", b"(\\Seen)")],
)
async def test_a_folder_that_takes_no_keywords_is_given_none(permanent: bytes, flags: bytes) -> None:
    heard: list[bytes] = []
    selected = {b"SELECT": b"* OK [UIDVALIDITY 5] good\r\n* OK [PERMANENTFLAGS (%b)] kept\r\n" % permanent}
    async with speaking(recording(heard, selected, b"IMAP4rev1")) as port:
        session = await connected(server(port))
        await session.select("INBOX")
        await session.flag([7])
        session.close()
    assert heard[-1] == b"UID STORE 7 +FLAGS.SILENT " + flags


@pytest.mark.parametrize("greeting", [b"* BYE go away\r\n", b"* PREAUTH welcome\r\n", b"220 smtp.example ESMTP\r\n"])
async def test_a_greeting_that_asks_for_no_login_is_refused(greeting: bytes) -> None:
    with pytest.raises(Lost):
        async with wired(polite({}), greeting):
            pass


async def test_starttls_that_is_not_offered_is_no_reason_to_speak_in_the_clear() -> None:
    async with speaking(polite({})) as port:
        with pytest.raises(Lost, match="STARTTLS"):
            await connected(Server("127.0.0.1", port, "starttls", "alice", password=lambda: "secret-word", patience=2.0))


async def test_octets_behind_the_reply_to_starttls_end_the_connection() -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        say((b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" if command == b"CAPABILITY" else b"") + tag + b" OK\r\n")
        if command == b"STARTTLS":
            say(b"* CAPABILITY injected\r\n* half")
        return None

    async with speaking(reply) as port:
        with pytest.raises(Lost):
            await connected(Server("127.0.0.1", port, "starttls", "alice", password=lambda: "secret-word", patience=2.0))


async def test_a_login_that_is_refused_says_so_without_the_password() -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        if command == b"CAPABILITY":
            say(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK\r\n")
        elif command.startswith(b"LOGIN"):
            assert command == b'LOGIN "alice" "secret-word"'
            say(tag + b" NO [AUTHENTICATIONFAILED] no\r\n")
        return None

    async with speaking(reply) as port:
        with pytest.raises(LoginRefused) as caught:
            await connected(server(port))
    assert "secret-word" not in str(caught.value)


class _Grant:
    forgotten = False

    async def access_token(self) -> str:
        return "token-1"

    def forget(self) -> None:
        self.forgotten = True


@pytest.mark.parametrize("initial", [b" SASL-IR", b""])
async def test_a_refused_token_is_answered_by_an_empty_line_and_forgotten(initial: bytes) -> None:
    said: list[bytes] = []
    tags: list[bytes] = []

    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        said.append(tag)
        if command == b"CAPABILITY":
            say(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2" + initial + b"\r\n" + tag + b" OK\r\n")
        elif command.startswith(b"AUTHENTICATE"):
            tags.append(tag)
            say(b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n" if initial else b"+ \r\n")
        elif tag:
            say(b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n")
        else:
            say(tags[0] + b" NO refused\r\n")
        return None

    grant = _Grant()
    async with speaking(reply) as port:
        with pytest.raises(LoginRefused):
            await connected(Server("127.0.0.1", port, "none", "alice", grant=grant, patience=2.0))  # type: ignore[arg-type]
    assert said[-1] == b""
    assert grant.forgotten


async def test_a_command_that_is_refused_leaves_the_connection_in_use() -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        say(tag + (b" NO not here\r\n" if command.startswith(b"SELECT") else b" OK\r\n"))
        return None

    async with wired(reply) as wire:
        with pytest.raises(Refused, match="not here"):
            await wire.ask("SELECT", mailbox("nowhere"), seconds=2)
        await wire.ask("NOOP", seconds=2)


@pytest.mark.parametrize("name", ["a\r\nA1 LOGOUT", "a\0b"])
def test_control_characters_in_a_folder_name_never_reach_the_wire(name: str) -> None:
    assert not re.search(r"[\r\n\0]", mailbox(name))


CODED = {
    "INBOX": '"INBOX"',
    "My Folder": '"My Folder"',
    "台北": '"&U,BTFw-"',
    "Grüße & mehr": '"Gr&APwA3w-e &- mehr"',
    'a"b\\': '"a\\"b\\\\"',
}


@pytest.mark.parametrize(("name", "coded"), CODED.items())
def test_folder_names_are_quoted_and_coded(name: str, coded: str) -> None:
    assert mailbox(name) == coded


async def test_no_mail_and_no_password_is_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with in_session({b"FETCH": b"* 1 FETCH (UID 7 BODY[] {10}\r\nclassified)\r\n"}) as one:
        assert await one.fetch({7}, 100) == {7: b"classified"}
    assert "classified" not in caplog.text
    assert "secret-word" not in caplog.text


PIECES = (
    b"* ", b"1 FETCH (", b"UID 7", b"BODY[] {3}", b"\r\n", b"abc", b")", b"+ ", b"{9999999999}", b"* BYE ", b"\0\xff", b"* SEARCH 1 x",
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES)))
async def test_whatever_a_server_says_the_wire_ends_in_an_answer_or_an_error_of_ours(pieces: list[bytes]) -> None:
    async def reply(tag: bytes, command: bytes, say: Say) -> bool | None:
        say(b"".join(pieces) + b"\r\n" + tag + b" OK\r\n")
        return False

    async with wired(reply) as wire:
        with contextlib.suppress(Lost, Refused):
            await wire.ask("FETCH", "7", "(UID BODY.PEEK[])", uid=True, seconds=2, most=1000)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 400), max_size=30))
async def test_it_does_not_matter_where_the_network_cuts_a_response(cuts: list[int]) -> None:
    mail = b"From: a\r\n\r\n" + b"text {3}\r\n" * 20
    whole = b"* OK hi\r\n* 1 FETCH (UID 7 BODY[] {%d}\r\n%b)\r\n* SEARCH 7 8\r\n" % (len(mail), mail)
    wire, at = Wire(), 0
    for cut in [*sorted(cuts), len(whole)]:
        wire.data_received(whole[at:cut]) if cut > at else None
        at = max(at, cut)
    assert [one[0] for one in wire._heard] == [b"1 FETCH (UID 7 BODY[] {%d}" % len(mail), b"SEARCH 7 8"]
    assert wire._heard[0][1] == mail
