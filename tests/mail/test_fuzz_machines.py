"""Does anything that a machine, a border or a forger can write break the reading of it? No error, no long look, no sender made stronger."""

from __future__ import annotations

import time
from email import message_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk.model import Strength
from mailgate.desk.policy import Security
from mailgate.mail import authresults, bounce
from mailgate.mail.authresults import Result
from mailgate.mail.fields import Fields
from mailgate.mail.parse import parse
from mailgate.mail.parsed import Bounce, Mailbox, ParsedMail
from mailgate.mail.sender import identify

BORDER = Security(authserv_ids=("mx.desk.example",), border=("mx.desk.example",))
MAIL = ParsedMail(from_=(Mailbox("Ann", "ann@corp.example"),))
RANKS = (Strength.SPOOFED, Strength.CLAIMED, Strength.ALIGNED)


def strength(*lines: str, own: str = "desk.example") -> int:
    """How strong Ann's mail is under these Authentication-Results lines, topmost first, as a rank."""
    mail = replace(MAIL, trace=tuple(("authentication-results", line) for line in lines))
    return RANKS.index(identify(mail, BORDER, frozenset({own}), submission=False).strength)


def line(results: list[Result]) -> str:
    """The field that our border would have written."""
    said = (" ".join((f"{one.method}={one.verdict}", *(f"{name}={text}" for name, text in one.properties))) for one in results)
    return "; ".join(("mx.desk.example", *said))


# ------------------------------------------------------------------------------------------------------ what a border wrote

NOT_PASSED = ["none", "neutral", "softfail", "temperror", "permerror", "policy", "bestguesspass", "PASSED", "pas", "", "unknown"]
DOMAINS = ["corp.example", "mail.corp.example", "example", "elsewhere.test", "notcorp.example", "corp.example.elsewhere.test"]
PROPERTIES = {"spf": "smtp.mailfrom", "dkim": "header.d", "dmarc": "header.from", "arc": "header.d", "compauth": "reason"}


@st.composite
def results(draw: st.DrawFn, failures: bool) -> list[Result]:
    """What a border may have found, with or without anything that failed."""
    verdicts = [*NOT_PASSED, "pass", "pass", "pass", *(["fail", "hardfail"] if failures else [])]
    found = []
    for method in draw(st.lists(st.sampled_from(sorted(PROPERTIES)), max_size=5)):
        # A DMARC pass of a border is about the author; nothing is left to find out about one that does not say so.
        domain = "corp.example" if method == "dmarc" else draw(st.sampled_from(DOMAINS))
        found.append(Result(method, draw(st.sampled_from(verdicts)), ((PROPERTIES[method], domain),)))
    return found


@given(results(failures=False), st.data())
@settings(max_examples=150)
def test_less_evidence_is_never_stronger(found: list[Result], data: st.DataObject) -> None:
    """Results that are left out, and such as have lost what they are about. An explicit failure is evidence against, and apart."""
    before = strength(line(found))
    kept = [one for one in found if data.draw(st.booleans())]
    if all(one.method != "dmarc" or one in kept for one in found):
        # Where DMARC says something that is no pass, the other results count for nothing: without its word they would.
        assert strength(line(kept)) <= before
    bare = [replace(one, properties=()) if data.draw(st.booleans()) and one.method != "dmarc" else one for one in found]
    assert strength(line(bare)) <= before


@given(results(failures=True), st.data())
@settings(max_examples=150)
def test_a_pass_that_becomes_any_other_word_is_never_stronger(found: list[Result], data: st.DataObject) -> None:
    before = strength(line(found))
    for place, one in enumerate(found):
        if one.verdict == "pass":
            word = data.draw(st.sampled_from([*NOT_PASSED, "fail", "hardfail"]))
            assert strength(line([*found[:place], replace(one, verdict=word), *found[place + 1 :]])) <= before


@given(results(failures=True), results(failures=True))
@settings(max_examples=150)
def test_a_failure_more_is_never_stronger(found: list[Result], others: list[Result]) -> None:
    failed = [replace(one, verdict="fail") for one in others]
    assert strength(line([*found, *failed])) <= strength(line(found))
    assert strength(line([*found, *failed]), own="corp.example") <= strength(line(found), own="corp.example")


@given(results(failures=True), st.sampled_from(['"', "(", "((", ")", ') "']), st.integers(0, 400))
@settings(max_examples=150)
def test_a_line_whose_quotes_or_comments_are_broken_proves_nothing(found: list[Result], mark: str, place: int) -> None:
    whole = line(found)
    assert strength(whole[:place] + mark + whole[place:]) <= RANKS.index(Strength.CLAIMED)


@given(results(failures=True), results(failures=True), st.sampled_from(["mx.desk.example", "mx.evil.example", "", "MX.DESK.EXAMPLE 1"]))
@settings(max_examples=150)
def test_what_stands_below_our_line_changes_nothing(found: list[Result], forged: list[Result], identity: str) -> None:
    below = line(forged).replace("mx.desk.example", identity, 1)
    assert strength(line(found), below) == strength(line(found))


@given(st.text(max_size=300))
@settings(max_examples=150)
def test_no_line_raises_and_none_without_a_pass_proves_anything(text: str) -> None:
    ranked = strength("mx.desk.example; " + text)
    assert ranked < RANKS.index(Strength.ALIGNED) or "pass" in text.lower()
    authresults.read(text)
    authresults.read_hop(text)
    authresults.cut((("received", text),), ("mx.desk.example", "10.0.0.0/8"))


@pytest.mark.parametrize("piece", ["(", ")", '"', "a=b ", "; ", "\\", "dkim=pass ", "(a)", "from by ", "[::1] "])
def test_a_line_twice_as_long_takes_twice_as_long(piece: str) -> None:
    def cost(times: int) -> float:
        text = "mx.desk.example; " + piece * times
        best = 9.0
        for _ in range(3):
            begin = time.process_time()
            strength(text)
            authresults.read_hop(text)
            best = min(best, time.process_time() - begin)
        return best

    assert cost(200_000 // len(piece)) <= 4 * cost(100_000 // len(piece)) + 0.02


# --------------------------------------------------------------------------------------------------------- what reports say

HEAD = "From: MAILER-DAEMON@x.example\nTo: desk@desk.example\nSubject: Undelivered Mail Returned to Sender\n"
REPORT = HEAD + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n"
NAMES = ["Final-Recipient", "Original-Recipient", "X-Actual-Recipient", "Status", "Action", "Diagnostic-Code", "Reporting-MTA", "X-Y"]
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\r")


def report(raw: str, encoding: str = "") -> Bounce | None:
    """What is read in a report with these fields."""
    transfer = f"Content-Transfer-Encoding: {encoding}\n" if encoding else ""
    return parse(f"{REPORT}{transfer}\n{raw}\n--b--\n".encode()).bounce


@st.composite
def fields(draw: st.DrawFn) -> str:
    """Fields of a report with any values, in any order, with blank lines anywhere."""
    parts = []
    for _ in range(draw(st.integers(0, 12))):
        usual = st.sampled_from(["rfc822; a@b.example", "failed", "5.1.1", "delayed", "@", "a@b", "<>", ";", " ", "\t", "\u00e4"])
        value = "".join(draw(st.lists(st.one_of(st.text(CHARACTERS, max_size=20), usual), max_size=6)))
        parts.append(draw(st.sampled_from([f"{draw(st.sampled_from(NAMES))}: {value}", value, ""])))
    return "\n".join(parts)


@given(fields(), st.sampled_from(["", "base64", "quoted-printable", "8bit", "nonsense"]))
@settings(max_examples=150)
def test_a_report_with_any_fields_is_read_and_what_it_tells_is_short_and_plain(raw: str, encoding: str) -> None:
    told = report(raw, encoding)
    for value in (told.recipient, told.status, told.action) if told else ():
        assert value is None or (value.strip() and value.isprintable() and len(value.split()) == 1)
    if told and told.recipient:
        assert "@" in told.recipient


@given(st.text(CHARACTERS, max_size=400))
@settings(max_examples=150)
def test_prose_of_any_kind_is_read(text: str) -> None:
    told = parse(f"{HEAD}\n{text}".encode()).bounce
    assert told is None or told.recipient is None or "@" in told.recipient
    parse(f"{text}\n\nYour message could not be delivered".encode())


HOSTILE = [
    "a@", "@a", "<", "<a", "a.", "a@b.", "5.1.", "550 ", "550-", "5.1.1", "-", "- ", "*", "\n", " \n", "\t", "Status:", "Status: 5\n",
    "Final-Recipient: rfc822; a@b.example\n\n", "Action: failed\n", "your message to ", "your message to a", "Message-ID: <a\n", "> ",
    "message-id:", ">a@b.example\n", "returned message\n", "the ", "could not be ", "delivery ", "\u914d\u4fe1", "--b\n",
    "[", "(", '"', "'",
    "x@y.example:\n", " on a\n",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=lambda piece: ascii(piece)[1:-1])
@pytest.mark.parametrize(
    "head", [f"{HEAD}\n", f"{REPORT}\n", "Subject: undeliverable: x\n\nYour message\n"], ids=["prose", "fields", "anyone"]
)
def test_a_report_twice_as_long_takes_twice_as_long(piece: str, head: str) -> None:
    """Of the reading of reports alone: the cutting of answers has tests of its own."""

    def cost(octets: int) -> float:
        message = message_from_bytes((head + piece * (octets // len(piece))).encode())
        found, text = Fields(message), piece * (octets // len(piece))
        best = 9.0
        for _ in range(2):
            begin = time.process_time()
            bounce.read(message, found, text)
            best = min(best, time.process_time() - begin)
        return best

    assert cost(24_000) <= 4 * cost(12_000) + 0.02


@pytest.mark.parametrize(
    "piece", ["a ", "re: ", "undeliver ", "automatic reply ", "[a] ", "complaint about message from 1", "report domain: a"]
)
@pytest.mark.parametrize("name", ["Subject", "From", "Auto-Submitted", "X-Failed-Recipients", "Return-Path", "Precedence", "X-Loop"])
def test_a_header_of_any_length_costs_little(name: str, piece: str) -> None:
    raw = f"From: a@b.example\n{name}: {piece * (60_000 // len(piece))}\n\nYour message could not be delivered\n".encode()
    begin = time.process_time()
    parse(raw)
    assert time.process_time() - begin < 1
