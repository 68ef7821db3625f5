"""Does every letter get exactly one truthful outcome, whatever the relay does? Checks I4 and I5 as far as a channel can keep them."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from mailgate.channels.relay_session import OPENING
from mailgate.channels.smtp_out import Courier, Patience, Relay, _commands, _is_address, _stuffed
from mailgate.flow.delivery import Outcome, Parcel, Result
from tests.kit.relay import (
    CLOSE,
    ENDLESS,
    GARBAGE,
    HALF,
    HANG,
    MEGABYTE,
    OFFERS,
    TAKE,
    TAKE_AND_CLOSE,
    TAKE_AND_HANG,
    Act,
    RelaySink,
    say,
)

OCTETS = b"Subject: hello\r\nMessage-ID: <1@desk.example>\r\n\r\nBody\r\n..dots\r\n.\r\nend\r\n"
QUICK = Patience(connect=5, reply=0.25, chunk=2, dot=0.25, dialogue=5, idle=60)
CALM = Patience(connect=10, reply=10, chunk=10, dot=10, dialogue=30, idle=60)
ONE_BY_ONE = tuple(offer for offer in OFFERS if offer != "PIPELINING")
STAGES = ("greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "dot")


def parcel(row: int = 1, recipient: str = "anna@home.example", **changes: object) -> Parcel:
    """A parcel whose lease is good for a minute."""
    plain = Parcel(row, 1, "desk+b.1.mac@desk.example", recipient, OCTETS, f"{row}@desk.example", time.monotonic() + 60)
    return replace(plain, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Trust:
    """A certificate for 127.0.0.1 and a client that trusts its authority."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def make_trust(name: str) -> Trust:
    authority = trustme.CA()
    trust = Trust(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context())
    authority.issue_cert(name).configure_cert(trust.server)
    authority.configure_trust(trust.client)
    return trust


@pytest.fixture(scope="module")
def trust() -> Trust:
    return make_trust("127.0.0.1")


def plain_courier(sink: RelaySink, patience: Patience = CALM) -> Courier:
    return Courier(Relay(sink.host, sink.port, "none"), patience=patience)


async def deliver(sink: RelaySink, *parcels: Parcel, patience: Patience = CALM) -> list[Outcome]:
    courier = plain_courier(sink, patience)
    try:
        return await courier.deliver(parcels)
    finally:
        await courier.close()


async def until(true: Callable[[], bool]) -> None:
    """Let the other thread work until this holds, for ten seconds at most."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def results(outcomes: list[Outcome]) -> list[str]:
    return [outcome.result.value for outcome in outcomes]


# The table of outcomes: what the relay does, at which stage, and what that is called.

OURS = dict.fromkeys(("greeting", "EHLO", "STARTTLS", "AUTH", "MAIL"), Result.OURS)
TABLE: list[tuple[str, Act, str, Result]] = [
    *(("4xx", say("450 4.7.1 not now"), stage, Result.RETRY) for stage in STAGES),
    *(("5xx", say("550 5.7.1 no"), stage, OURS.get(stage, Result.FAILED)) for stage in STAGES if stage != "RCPT"),
    ("5xx", say("550 5.1.1 nobody of that name"), "RCPT", Result.REFUSED),
    ("5xx-multiline", say("554-5.7.1 this and", "554 5.7.1 that"), "greeting", Result.OURS),
    ("bad-password", say("535 5.7.8 wrong"), "AUTH", Result.OURS),
    ("too-big", say("552 5.3.4 too big"), "MAIL", Result.TOO_BIG),
    ("mailbox-full", say("552 5.2.2 full"), "RCPT", Result.REFUSED),
    ("too-big", say("552 5.3.4 too big"), "dot", Result.TOO_BIG),
    ("no-auth", say("530 5.7.0 who are you?"), "RCPT", Result.OURS),
    ("bad-sequence", say("503 5.5.1 not here"), "DATA", Result.OURS),
    *(("421", say("421 4.3.2 going down", closes=True), stage, Result.RETRY) for stage in STAGES),
    *(("hang", HANG, stage, Result.UNKNOWN if stage == "dot" else Result.RETRY) for stage in STAGES),
    *(("close", CLOSE, stage, Result.UNKNOWN if stage == "dot" else Result.RETRY) for stage in STAGES),
    *(("garbage", GARBAGE, stage, Result.UNKNOWN if stage == "dot" else Result.RETRY) for stage in STAGES),
    *(("half", HALF, stage, Result.UNKNOWN if stage == "dot" else Result.RETRY) for stage in ("greeting", "MAIL", "dot")),
    *(("megabyte", MEGABYTE, stage, Result.UNKNOWN if stage == "dot" else Result.RETRY) for stage in ("greeting", "EHLO", "RCPT", "dot")),
    *(("endless", ENDLESS, stage, Result.UNKNOWN if stage == "dot" else Result.RETRY) for stage in ("EHLO", "MAIL", "dot")),
    ("two-codes", say("250-yes", "550 no"), "RCPT", Result.RETRY),
    ("positive-out-of-place", say("250 stored already"), "DATA", Result.RETRY),
    ("positive-out-of-place", say("354 go on"), "RCPT", Result.RETRY),
    ("positive-out-of-place", say("354 more"), "dot", Result.UNKNOWN),
    ("taken-then-lost", TAKE_AND_CLOSE, "dot", Result.UNKNOWN),
    ("taken-then-silent", TAKE_AND_HANG, "dot", Result.UNKNOWN),
    ("plain-text-before-tls", say("220 go on", "250 injected"), "STARTTLS", Result.RETRY),
]


# Before MAIL nothing is pipelined, so that those rows are tried once.
ROWS = [
    pytest.param(act, stage, result, offers, id=f"{name}-at-{stage}-{way}")
    for name, act, stage, result in TABLE
    for way, offers in (("pipelined", OFFERS), ("one-by-one", ONE_BY_ONE))
    if way == "pipelined" or stage not in OPENING
]


@pytest.mark.parametrize(("act", "stage", "result", "offers"), ROWS)
async def test_each_misbehaviour_of_a_relay_has_its_result(
    trust: Trust, act: Act, stage: str, result: Result, offers: tuple[str, ...]
) -> None:
    with RelaySink({stage: act}, offers=offers, tls=trust.server, users={"desk": "secret"}) as sink:
        relay = Relay(sink.host, sink.port, "starttls", "desk", lambda: "secret")
        courier = Courier(relay, patience=QUICK, trust=trust.client)
        started = time.monotonic()
        [outcome] = await courier.deliver([parcel()])
        await courier.close()
        assert (outcome.result, outcome.stage) == (result, stage)
        assert (outcome.row, outcome.attempt) == (1, 1)
        assert 0 < len(outcome.reply) <= 500
        assert outcome.reply.isprintable()
        assert time.monotonic() - started < 3
        assert len(sink.letters) == int(act.takes and stage == "dot")
        assert "secret" not in outcome.reply


# What a good relay hears.


async def test_a_letter_arrives_with_the_same_octets_and_its_envelope(trust: Trust) -> None:
    with RelaySink() as sink:
        [outcome] = await deliver(sink, parcel())
        assert outcome == Outcome(1, 1, Result.SENT, "dot", "250 2.0.0 queued as SINK")
        [letter] = sink.letters
        assert letter.octets == OCTETS
        assert (letter.envelope_from, letter.recipient) == ("desk+b.1.mac@desk.example", "anna@home.example")
        assert letter.parameters == f"SIZE={len(OCTETS)}"


@pytest.mark.parametrize("size", [0, 1, 65_531, 65_533, 65_536, 65_537, 131_072, 1_000_003])
async def test_a_letter_of_any_size_arrives_with_the_same_octets(size: int) -> None:
    octets = (b".line of a letter\r\n" * (size // 19 + 1))[: size - 2] + b"\r\n" if size > 1 else b""
    with RelaySink() as sink:
        assert results(await deliver(sink, parcel(octets=octets))) == ["sent"]
        assert sink.letters[0].octets == octets


async def test_one_connection_carries_many_letters_in_their_order() -> None:
    with RelaySink() as sink:
        courier = plain_courier(sink)
        for first in (0, 10, 20):
            assert results(await courier.deliver([parcel(row) for row in range(first, first + 10)])) == ["sent"] * 10
        await courier.close()
        assert sink.connections == 1
        assert len(sink.letters) == 30
        assert [letter.at for letter in sink.letters] == sorted(letter.at for letter in sink.letters)


async def test_a_relay_without_pipelining_hears_one_command_at_a_time() -> None:
    refusal = {"RCPT": [say("550 5.1.1 nobody")]}
    with RelaySink(refusal, offers=ONE_BY_ONE) as sink:
        assert results(await deliver(sink, parcel(1), parcel(2))) == ["refused", "sent"]
        await until(lambda: "QUIT" in sink.commands)
        assert [command.split(" ")[0] for command in sink.commands] == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


async def test_the_null_path_is_an_envelope_sender_too() -> None:
    with RelaySink() as sink:
        assert results(await deliver(sink, parcel(envelope_from=""))) == ["sent"]
        assert sink.letters[0].envelope_from == ""


async def test_smtputf8_is_asked_for_only_where_a_letter_needs_it() -> None:
    with RelaySink() as sink:
        body = parcel(1, octets="Subject: hi\r\n\r\nGrüße\r\n".encode())
        header = parcel(2, octets="Subject: Grüße\r\n\r\nhi\r\n".encode())
        recipient = parcel(3, "jürgen@home.example")
        assert results(await deliver(sink, body, header, recipient)) == ["sent"] * 3
        assert [letter.parameters.split(" ", 1)[1] for letter in sink.letters] == ["BODY=8BITMIME", "BODY=8BITMIME SMTPUTF8", "SMTPUTF8"]
        assert sink.letters[2].recipient == "jürgen@home.example"


async def test_without_smtputf8_an_address_that_needs_it_is_refused_and_the_next_letter_goes_out() -> None:
    with RelaySink(offers=("PIPELINING",)) as sink:
        ours = parcel(2, envelope_from="dösk@desk.example")
        assert results(await deliver(sink, parcel(1, "jürgen@home.example"), ours, parcel(3))) == ["refused", "ours", "sent"]
        assert sink.letters[0].parameters == ""


@pytest.mark.parametrize(("offer", "result"), [("SIZE 40", "too_big"), ("SIZE 100000", "sent"), ("SIZE 0", "sent"), ("SIZE", "sent")])
async def test_a_letter_beyond_the_size_of_the_relay_is_not_even_offered(offer: str, result: str) -> None:
    with RelaySink(offers=(offer,)) as sink:
        assert results(await deliver(sink, parcel())) == [result]
        assert any(command.startswith("MAIL") for command in sink.commands) == (result == "sent")


# One bad letter among good ones.


@pytest.mark.parametrize("offers", [OFFERS, ONE_BY_ONE], ids=["pipelined", "one-by-one"])
@pytest.mark.parametrize(
    ("script", "expected", "connections"),
    [
        ({"RCPT": [TAKE, say("550 5.1.1 nobody"), TAKE]}, ["sent", "refused", "sent"], 1),
        ({"RCPT": [TAKE, say("450 4.2.0 grey"), TAKE]}, ["sent", "retry", "sent"], 1),
        ({"MAIL": [TAKE, say("550 5.7.1 not from you"), TAKE]}, ["sent", "ours", "sent"], 1),
        ({"DATA": [TAKE, say("451 4.3.0 later"), TAKE]}, ["sent", "retry", "sent"], 1),
        ({"dot": [TAKE, say("554 5.7.1 spam"), TAKE]}, ["sent", "failed", "sent"], 1),
        ({"dot": [TAKE, say("552 5.3.4 big"), TAKE]}, ["sent", "too_big", "sent"], 1),
        ({"dot": [TAKE, TAKE_AND_CLOSE, TAKE]}, ["sent", "unknown", "sent"], 2),
        ({"dot": [TAKE, say("421 4.3.2 tired"), TAKE]}, ["sent", "retry", "sent"], 2),
        ({"RCPT": [TAKE, say("421 4.3.2 tired", closes=True), TAKE]}, ["sent", "retry", "sent"], 2),
        ({"RCPT": [TAKE, say("550 5.1.1 nobody", closes=True), TAKE]}, ["sent", "refused", "sent"], 2),
        ({"RCPT": [say("550 5.1.1 nobody")], "RSET": [say("502 5.5.1 what?")]}, ["refused", "sent", "sent"], 2),
    ],
)
async def test_a_bad_letter_costs_its_neighbours_nothing(
    script: Mapping[str, list[Act]], expected: list[str], connections: int, offers: tuple[str, ...]
) -> None:
    with RelaySink(script, offers=offers) as sink:
        outcomes = await deliver(sink, parcel(1), parcel(2), parcel(3))
        assert results(outcomes) == expected
        assert [outcome.row for outcome in outcomes] == [1, 2, 3]
        assert sink.connections == connections


async def test_when_data_is_taken_though_the_recipient_was_not_nothing_is_sent() -> None:
    with RelaySink({"RCPT": [say("550 5.1.1 nobody")], "DATA": [say("354 go on")]}) as sink:
        assert results(await deliver(sink, parcel(1), parcel(2))) == ["refused", "sent"]
        assert [letter.recipient for letter in sink.letters] == ["anna@home.example"]
        assert sink.connections == 2


async def test_letters_behind_a_refused_login_share_its_outcome_and_are_not_dialled_for() -> None:
    with RelaySink(users={"desk": "right"}) as sink:
        courier = Courier(Relay(sink.host, sink.port, "none", "desk", lambda: "wrong"), patience=CALM)
        outcomes = await courier.deliver([parcel(row) for row in range(5)])
        assert [(outcome.row, outcome.result, outcome.stage) for outcome in outcomes] == [(row, Result.OURS, "AUTH") for row in range(5)]
        assert {outcome.reply for outcome in outcomes} == {"535 5.7.8 wrong"}
        assert sink.connections == 1


async def test_a_relay_that_breaks_twice_in_a_row_is_left_in_peace_and_nothing_undialled_counts_as_unknown() -> None:
    with RelaySink({"dot": TAKE_AND_CLOSE}) as sink:
        outcomes = await deliver(sink, *(parcel(row) for row in range(5)))
        assert results(outcomes) == ["unknown", "unknown", "retry", "retry", "retry"]
        assert sink.connections == 2


async def test_nobody_at_home_is_a_retry() -> None:
    with RelaySink() as sink:
        pass
    [outcome] = await deliver(sink, parcel())
    assert (outcome.result, outcome.stage) == (Result.RETRY, "connect")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300])
async def test_a_name_without_an_address_is_a_retry(host: str) -> None:
    [outcome] = await Courier(Relay(host, 25, "none"), patience=CALM).deliver([parcel()])
    assert (outcome.result, outcome.stage) == (Result.RETRY, "connect")


# A kept connection.


async def test_a_connection_that_the_relay_closed_while_idle_is_opened_anew() -> None:
    with RelaySink() as sink:
        courier = plain_courier(sink)
        assert results(await courier.deliver([parcel(1)])) == ["sent"]
        sink.cut()
        assert results(await courier.deliver([parcel(2)])) == ["sent"]
        await courier.close()
        assert sink.connections == 2


@pytest.mark.parametrize("act", [CLOSE, say("421 4.4.2 too long idle", closes=True), say("421 4.7.0 enough letters")])
async def test_a_kept_connection_that_ends_at_mail_costs_the_letter_nothing(act: Act) -> None:
    with RelaySink({"MAIL": [TAKE, act]}) as sink:
        assert results(await deliver(sink, parcel(1), parcel(2))) == ["sent", "sent"]
        assert sink.connections == 2


async def test_an_idle_connection_is_ended_with_quit() -> None:
    with RelaySink() as sink:
        courier = plain_courier(sink, replace(CALM, idle=0.01))
        await courier.deliver([parcel(1)])
        await until(lambda: "QUIT" in sink.commands)
        assert results(await courier.deliver([parcel(2)])) == ["sent"]
        await courier.close()
        assert sink.connections == 2


async def test_two_callers_take_turns_on_one_connection() -> None:
    with RelaySink() as sink:
        courier = plain_courier(sink)
        both = await asyncio.gather(courier.deliver([parcel(1), parcel(2)]), courier.deliver([parcel(3)]))
        assert [results(outcomes) for outcomes in both] == [["sent", "sent"], ["sent"]]
        await courier.close()
        assert sink.connections == 1


# Leases and ends.


async def test_a_parcel_whose_lease_ran_out_is_not_dialled_for() -> None:
    with RelaySink() as sink:
        assert results(await deliver(sink, parcel(deadline=time.monotonic() - 1))) == ["lapsed"]
        assert sink.connections == 0


async def test_a_lease_that_runs_out_before_the_dot_sends_nothing_and_the_next_letter_goes_out() -> None:
    """CP33 in small: the relay takes so long over DATA that somebody else may hold the row."""
    with RelaySink(pauses={"DATA": 0.8}) as sink:
        outcomes = await deliver(sink, parcel(1, deadline=time.monotonic() + 0.6), parcel(2))
        assert results(outcomes) == ["lapsed", "sent"]
        assert outcomes[0].stage == "body"
        assert len(sink.letters) == 1


async def test_closing_while_the_relay_is_silent_before_the_dot_ends_at_once_with_nothing_sent() -> None:
    with RelaySink({"MAIL": HANG}) as sink:
        courier = plain_courier(sink)
        delivery = asyncio.create_task(courier.deliver([parcel(1), parcel(2)]))
        await until(lambda: any(command.startswith("MAIL") for command in sink.commands))
        await courier.close()
        assert results(await delivery) == ["lapsed", "lapsed"]
        assert sink.letters == []


async def test_closing_while_the_relay_thinks_about_the_dot_waits_for_its_reply() -> None:
    with RelaySink(pauses={"dot": 0.3}) as sink:
        courier = plain_courier(sink)
        delivery = asyncio.create_task(courier.deliver([parcel(1), parcel(2)]))
        await until(lambda: sink.bodies > 0)
        await courier.close()
        assert results(await delivery) == ["sent", "lapsed"]
        assert len(sink.letters) == 1


async def test_a_cancelled_delivery_leaves_no_connection_behind() -> None:
    with RelaySink({"MAIL": [HANG]}) as sink:
        courier = plain_courier(sink)
        delivery = asyncio.create_task(courier.deliver([parcel(1)]))
        await until(lambda: any(command.startswith("MAIL") for command in sink.commands))
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        assert results(await courier.deliver([parcel(2)])) == ["sent"]
        await courier.close()


async def test_a_relay_that_stops_reading_is_given_up_before_the_dot() -> None:
    with RelaySink({"DATA": [Act(b"354 go on\r\n", hangs=True)]}) as sink:
        [outcome] = await deliver(sink, parcel(octets=OCTETS * 400_000), patience=replace(QUICK, chunk=0.3))
        assert (outcome.result, outcome.stage) == (Result.RETRY, "body")


# TLS and logins.


@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN", "XOAUTH2 LOGIN"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_letter_goes_out_encrypted_and_logged_in(trust: Trust, tls: str, mechanisms: str) -> None:
    with RelaySink(tls=trust.server, implicit=tls == "implicit", users={"desk": "sëcret"}, mechanisms=mechanisms) as sink:
        relay = Relay(sink.host, sink.port, tls, "desk", lambda: "sëcret")  # type: ignore[arg-type]
        courier = Courier(relay, patience=CALM, trust=trust.client)
        assert results(await courier.deliver([parcel(1), parcel(2, octets=OCTETS * 5_000)])) == ["sent", "sent"]
        assert (await courier.probe()).result is Result.SENT
        await courier.close()
        assert sink.letters[1].octets == OCTETS * 5_000


async def test_a_relay_that_offers_no_starttls_gets_no_plain_text() -> None:
    with RelaySink() as sink:
        courier = Courier(Relay(sink.host, sink.port, "starttls", "desk", lambda: "secret"), patience=CALM)
        [outcome] = await courier.deliver([parcel()])
        assert (outcome.result, outcome.stage) == (Result.OURS, "STARTTLS")
        assert [command.split(" ")[0] for command in sink.commands] == ["EHLO"]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("stranger", ["other authority", "other name"])
async def test_a_certificate_that_does_not_check_out_gets_no_letter(trust: Trust, tls: str, stranger: str) -> None:
    other = make_trust("127.0.0.1" if stranger == "other authority" else "relay.example")
    client = trust.client if stranger == "other authority" else other.client
    with RelaySink(tls=other.server, implicit=tls == "implicit") as sink:
        courier = Courier(Relay(sink.host, sink.port, tls), patience=CALM, trust=client)  # type: ignore[arg-type]
        [outcome] = await courier.deliver([parcel()])
        assert outcome.result is Result.RETRY
        assert "certificate" in outcome.reply
        assert not any(command.startswith("MAIL") for command in sink.commands)


async def test_a_relay_without_a_login_we_know_is_our_configuration() -> None:
    with RelaySink(users={"desk": "secret"}, mechanisms="CRAM-MD5") as sink:
        courier = Courier(Relay(sink.host, sink.port, "none", "desk", lambda: "secret"), patience=CALM)
        assert results(await courier.deliver([parcel()])) == ["ours"]


def test_the_password_is_in_no_repr() -> None:
    assert "hush" not in repr(Relay("relay.example", 587, "starttls", "desk", lambda: "hush"))


@pytest.mark.parametrize(
    ("script", "result", "stage"),
    [
        ({}, Result.SENT, "QUIT"),
        ({"greeting": say("554 5.7.1 not you")}, Result.OURS, "greeting"),
        ({"EHLO": HANG}, Result.RETRY, "EHLO"),
    ],
)
async def test_a_probe_tells_how_far_it_came(script: Mapping[str, Act], result: Result, stage: str) -> None:
    with RelaySink(script) as sink:
        outcome = await plain_courier(sink, QUICK).probe()
        assert (outcome.result, outcome.stage) == (result, stage)
        assert sink.letters == []


# What nobody can smuggle in.


@pytest.mark.parametrize(
    "address",
    [
        "a@b\r\nRCPT TO:<evil@x>",
        "a@b\nDATA",
        "a@b>",
        "<a@b",
        "a b@c",
        "a\0@b",
        "a\u2028@b",
        "a\u0085@b",
        "\ud800@b",
        "a",
        "@b",
        "a@",
        "x" * 250 + "@b.example",
    ],
)
async def test_an_address_that_is_none_never_reaches_the_wire(address: str) -> None:
    with RelaySink() as sink:
        outcomes = await deliver(sink, parcel(1, address), parcel(2, envelope_from=address), parcel(3))
        assert results(outcomes) == ["refused", "ours", "sent"]
        assert len(sink.letters) == 1
        assert sum(command.startswith(("MAIL", "RCPT")) for command in sink.commands) == 2


@given(some.text(), some.text())
def test_the_commands_of_any_addresses_that_pass_are_three_lines(mail: str, rcpt: str) -> None:
    mail, rcpt = f"{mail}@desk.example", f"{rcpt}@home.example"
    if _is_address(mail) and _is_address(rcpt):
        sent = b"".join(_commands(parcel(envelope_from=mail, recipient=rcpt), {"SMTPUTF8": "", "SIZE": ""}))
        assert sent.count(b"\r\n") == sent.count(b"\n") == sent.count(b"\r") == 3


@given(some.lists(some.sampled_from([b".", b"\r", b"\n", b"\r\n", b"x", b".\r\n", b"\r\n."])).map(b"".join))
def test_whatever_a_letter_holds_its_final_dot_comes_last_and_only_once(octets: bytes) -> None:
    wire = b"\r\n" + _stuffed(octets)
    assert wire.endswith(b"\r\n.\r\n")
    assert wire.count(b"\r\n.\r\n") == 1
    assert wire.replace(b"\r\n", b"").count(b"\n") == wire.replace(b"\r\n", b"").count(b"\r") == 0
    if octets.endswith(b"\r\n") and octets.replace(b"\r\n", b"").isalpha():
        assert wire[2:-3].replace(b"\r\n..", b"\r\n.") == octets


async def test_a_relay_that_talks_without_end_is_left_long_before_the_time_for_a_reply_is_over() -> None:
    with RelaySink({"EHLO": ENDLESS}) as sink:
        courier = plain_courier(sink, replace(CALM, reply=5))
        started = time.monotonic()
        [outcome] = await courier.deliver([parcel()])
        assert outcome.reply == "the relay talks without end"
        assert time.monotonic() - started < 4
