"""Does anything that is said among technicians ever reach somebody outside? Stories of any moves in any order, and a look at every byte.

Whatever is not meant for requesters, copies and vendors carries a word of its own that occurs nowhere else: notes, refused commands,
misplaced ones, notes of observers, automatic answers, forged and unproven mails, files of notes. At the end of each story no letter to
somebody outside holds one of these words: not in its text, its HTML, its header, its subject, its files, decoded or not.
"""

from __future__ import annotations

import email
import email.header
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.headerregistry import Address as EmailAddress
from email.message import EmailMessage, Message
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailgate.desk import obey, technician
from mailgate.desk.commands import Command
from mailgate.desk.decision import Decision, Outcome
from mailgate.desk.draft import Draft
from mailgate.desk.model import Address, Role, Status
from mailgate.desk.policy import Collision, Policy
from mailgate.desk.workflow import Grammar
from mailgate.flow import operate
from mailgate.mail.parse import parse
from tests.kit import office as kit
from tests.kit.office import DESK, MAX, OLGA, TINA, TOM, Letter, Office, aligned, mail, reply, spoofed, with_file
from tests.stories.conftest import GUARDED

ANN, CARL, JOE = "ann@out.example", "carl@out.example", "joe@other.example"
MALLORY, VENDOR = "mallory@evil.example", "help@vendor.example"


Move = Callable[["Stage"], None]


@dataclass
class Stage:
    """A desk, the words that must stay in the house, and how many there are."""

    office: Office
    secrets: dict[str, str] = field(default_factory=dict)
    words: int = 0

    def secret(self, knows: str = "") -> str:
        """A word that occurs nowhere else, and may be read by nobody outside, save by the one who wrote it."""
        self.words += 1
        word = f"canary{self.words:04d}x"
        self.secrets[word] = knows
        return word

    def play(self, each: Move) -> None:
        """One move. An outsider's mail that opened a ticket of its own is no note: its subject is that of his letters."""
        before, known = self.office.count(), dict(self.secrets)
        each(self)
        if self.office.count() > before and each not in INSIDE:
            self.secrets = known

    def letter(self, to: str) -> Letter:
        """The newest letter to this person about a ticket."""
        newest = self.office.newest(to)
        assert newest is not None
        return newest

    def has(self, to: str) -> bool:
        return self.office.newest(to) is not None

    def writes(self, who: str, text: str, *, proven: bool = True, cc: str = "", headers: str = "", file: str = "") -> None:
        """Somebody answers the newest letter that he got, with all of it quoted below; who got none writes a mail with the tag."""
        newest = self.office.newest(who)
        raw = (
            reply(newest, text, sender=who, name="", cc=cc, headers=headers)
            if newest
            else mail(text, sender=who, name="", subject="[MG-1] Printer", cc=cc, headers=headers)
        )  # fmt: skip
        if file:
            raw = with_file(raw, f"{file}.txt", file.encode())
        self.office.post(aligned(raw, who.rpartition("@")[2]) if proven else raw)


MOVES: list[Move] = []
# Whose secrets stay secret, whatever else happens in the move.
INSIDE: list[Move] = []


def move(play: Move) -> Move:
    """A move that may come at any place of a story."""
    MOVES.append(play)
    return play


def inside(play: Move) -> Move:
    """A move whose secrets are a technician's words."""
    INSIDE.append(play)
    return move(play)


# ------------------------------------------------------------------------------------------------- what must stay in the house


@move
def a_note(stage: Stage) -> None:
    stage.writes(TINA.address, f"#note He is a {stage.secret()}.", file=stage.secret())


@move
def a_note_between_commands(stage: Stage) -> None:
    stage.writes(TOM.address, f"#tag vip\n#note\n{stage.secret()}\n\n{stage.secret()}")


@move
def a_note_from_the_shell(stage: Stage) -> None:
    operate.order(stage.office.store, stage.office.house, stage.office.ticket().id, f"#note {stage.secret()}", None, stage.office.now)


@move
def a_refused_command(stage: Stage) -> None:
    stage.writes(TINA.address, f"#priority {stage.secret()}\n\n{stage.secret()}", file=stage.secret())


@move
def a_command_for_nobody(stage: Stage) -> None:
    stage.writes(TOM.address, f"#assign {stage.secret()}\n#escalate {stage.secret()}\n#rezolve {stage.secret()}")


@move
def a_misplaced_command(stage: Stage) -> None:
    stage.writes(TINA.address, f"Dear Ann,\n\n{stage.secret()}\n#close {stage.secret()}\n{stage.secret()}")


@move
def a_reason_for_opening_again(stage: Stage) -> None:
    stage.writes(TINA.address, f"#reopen {stage.secret()}")


@move
def an_observers_remark(stage: Stage) -> None:
    stage.writes(MAX.address, stage.secret(), file=stage.secret())
    stage.writes(OLGA.address, f"#resolve {stage.secret()}")


@move
def a_technician_whom_nothing_proves(stage: Stage) -> None:
    stage.writes(TINA.address, f"#resolve {stage.secret()}\n{stage.secret()}", proven=False)


@move
def a_copy_whom_nothing_proves(stage: Stage) -> None:
    stage.office.post(mail(stage.secret(), sender=CARL, name=stage.secret(), subject=f"[MG-1] {stage.secret()}"))


@move
def a_stranger_with_the_number(stage: Stage) -> None:
    raw = mail(f"status\n\n{stage.secret(JOE)}", sender=JOE, name="Joe", subject="[MG-1] status")
    stage.office.post(aligned(raw, "other.example"))


@move
def a_notice_of_absence(stage: Stage) -> None:
    stage.writes(ANN, f"I am at {stage.secret()}.", headers="Auto-Submitted: auto-replied")
    if stage.has(CARL):
        stage.writes(CARL, f"I am at {stage.secret()}.", headers="Auto-Submitted: auto-replied")


@move
def a_forged_mail(stage: Stage) -> None:
    raw = mail(stage.secret(), sender=ANN, name=stage.secret(), subject=f"[MG-1] {stage.secret()}")
    stage.office.post(spoofed(raw, "out.example"), sender=MALLORY)


@move
def a_forged_mail_that_is_put_on_the_ticket(stage: Stage) -> None:
    row = stage.office.post(spoofed(mail(stage.secret(), sender=MALLORY, subject=stage.secret()), "evil.example"))
    operate.release(stage.office.store, [row.id], stage.office.now, attach_to=stage.office.ticket().id)
    stage.office.work()


@move
def a_forged_mail_that_the_owner_lets_in(stage: Stage) -> None:
    raw = mail(stage.secret(), sender=ANN, name=stage.secret(), subject=f"[MG-1] {stage.secret()}")
    row = stage.office.post(spoofed(raw, "out.example"), sender=MALLORY)
    stage.office.later(days=1)
    digest = stage.office.last("held", OLGA.address)
    stage.office.post(aligned(reply(digest, f"release {row.id}", name="Olga"), "desk.example"))
    assert stage.office.row(row.id).state == "done"


@inside
def a_macro_that_is_none_and_one_that_is(stage: Stage) -> None:
    stage.writes(TINA.address, f"#macro {stage.secret()}\n{stage.secret()}")
    stage.writes(TINA.address, f"#macro which-device\n#note {stage.secret()}")
    stage.writes(TINA.address, "#macro which-device")


@inside
def time_and_days_with_remarks(stage: Stage) -> None:
    stage.writes(TINA.address, f"#time 30m {stage.secret()}\n#due {stage.secret()}")
    stage.writes(TOM.address, f"#status {stage.secret()}\n#away until {stage.secret()}")


@inside
def two_requests_that_become_one(stage: Stage) -> None:
    """With a note on each; whoever asked for the one hears from now on of the other."""
    stage.writes(TINA.address, f"#note {stage.secret()}")
    raw = mail("Mine is dead as well.", sender="eva@out.example", name="Eva", subject="Printer", cc=CARL)
    number = stage.office.post(aligned(raw, "out.example")).ticket
    stage.writes(TINA.address, f"#note {stage.secret()}")
    stage.writes(TINA.address, f"#link 1\n#parent 1\n#note {stage.secret()}")
    stage.writes(TINA.address, "#merge 1")
    stage.writes(TINA.address, "Is it the big one?")
    stage.writes("eva@out.example", "Yes.")
    assert number


@inside
def an_article_for_technicians_alone(stage: Stage) -> None:
    stage.writes(TINA.address, "#take\n#resolve New toner.")
    stage.writes(TINA.address, f"#kb Printer is dead {stage.secret()}\nSay it to nobody: {stage.secret()}.")
    stage.writes(TINA.address, "#kb internal")
    somebody_asks_the_same(stage)


@move
def a_vendor_answers(stage: Stage) -> None:
    if stage.has(VENDOR):
        stage.writes(VENDOR, f"Take the {stage.secret(VENDOR)}.", file=stage.secret(VENDOR))


@move
def an_answer_that_is_held_back(stage: Stage) -> None:
    """Two answer letters of the same age; the second one has not seen the first."""
    if stage.has(TINA.address) and stage.has(TOM.address):
        raw = reply(stage.letter(TOM.address), f"#note {stage.secret()}", sender=TOM.address, name="Tom")
        stage.writes(TINA.address, "Is it plugged in?")
        stage.office.post(aligned(raw, "desk.example"))


# -------------------------------------------------------------------------------------------------------- what everybody does


@move
def the_requester_answers(stage: Stage) -> None:
    stage.writes(ANN, "It still does not print.", cc=CARL)


@move
def the_requester_asks_how_far_it_is(stage: Stage) -> None:
    stage.writes(ANN, "status")
    stage.writes(ANN, "help")


@move
def the_requester_rejects(stage: Stage) -> None:
    stage.writes(ANN, "reject It blinks.")


@move
def the_requester_accepts(stage: Stage) -> None:
    stage.writes(ANN, "accept")


@move
def somebody_asks_the_same(stage: Stage) -> None:
    stage.office.post(aligned(mail("The printer is dead.", sender="eva@out.example", name="Eva", subject="Printer is dead"), "out.example"))
    stage.office.post(aligned(mail("", sender="eva@out.example", name="Eva", subject="search: printer"), "out.example"))


@move
def what_was_solved_becomes_an_article(stage: Stage) -> None:
    stage.writes(TINA.address, "#take\n#resolve New toner.\n#kb Printer is dead")


@move
def the_copy_answers(stage: Stage) -> None:
    if stage.has(CARL):
        stage.writes(CARL, "Mine neither.")


@move
def the_technician_answers(stage: Stage) -> None:
    stage.writes(TINA.address, "Is it plugged in?")


@move
def the_technician_asks(stage: Stage) -> None:
    stage.writes(TINA.address, "#pending Which floor?")


@move
def the_technician_takes_it_and_solves_it(stage: Stage) -> None:
    stage.writes(TINA.address, "#take\n#resolve New toner.")


@move
def the_technician_closes_it(stage: Stage) -> None:
    stage.writes(TOM.address, "#close Nobody answers.")


@move
def the_technician_takes_it_back(stage: Stage) -> None:
    stage.writes(TINA.address, "#undo")


@move
def the_technician_asks_a_vendor(stage: Stage) -> None:
    stage.writes(TINA.address, f"#escalate {VENDOR} Which drum fits?")


@move
def the_technician_gives_it_to_another(stage: Stage) -> None:
    stage.writes(TINA.address, "#assign tom\n#confidential")
    stage.writes(TOM.address, "#confidential off\n#requester eva@out.example")


@move
def time_goes_by(stage: Stage) -> None:
    stage.office.later(days=1, hours=2)
    stage.office.later(days=3)


# ------------------------------------------------------------------------------------------------------------------- the look


def outside(office: Office) -> Iterator[Letter]:
    """Every letter to somebody who has no part in the house."""
    for letter in office.everything_sent():
        person = office.people.find(Address(letter.to))
        if person is None or person.role is Role.REQUESTER:
            yield letter


def every_byte(letter: Letter) -> str:
    """All that a letter holds."""
    return seen(letter.octets)


def seen(octets: bytes) -> str:
    """Octets as they travel and as they are read, decoded in every way, without blanks, so that no line end hides a word."""
    pieces = [octets.decode("latin-1")]
    for part in email.message_from_bytes(octets).walk():
        pieces += [_decoded(value) for value in part.values()]
        pieces += [_decoded(part.get_filename() or "")]
        pieces += _contents(part)
    return re.sub(r"=\r?\n|\s", "", "\n".join(pieces)).lower()


def _contents(part: Message) -> Iterator[str]:
    octets = part.get_payload(decode=True)
    if isinstance(octets, bytes):
        text = octets.decode(part.get_content_charset() or "utf-8", "replace")
        yield text
        yield html.unescape(re.sub(r"<[^>]*>", "", text))


def _decoded(value: object) -> str:
    parts = email.header.decode_header(str(value))
    return "".join(part.decode(code or "latin-1", "replace") if isinstance(part, bytes) else part for part, code in parts)


def leaks(stage: Stage) -> list[tuple[str, str, str]]:
    """Which secrets left the house: (secret, letter, to)."""
    letters = [(letter, every_byte(letter)) for letter in outside(stage.office)]
    return [
        (secret, letter.name, letter.to)
        for letter, whole in letters for secret, knows in stage.secrets.items() if secret in whole and letter.to != knows
    ]  # fmt: skip


def story(moves: list[Move], *, policy: Policy = Policy(), language: str = "en") -> tuple[list[tuple[str, str, str]], set[str]]:  # noqa: B008
    """A story of these moves, about a request with somebody in copy and a file: what leaked, and which letters went outside."""
    with TemporaryDirectory() as folder:
        office = Office(Path(folder), security=GUARDED, policy=policy, desk=replace(DESK, language=language))
        try:
            stage = Stage(office)
            office.post(aligned(with_file(mail("The printer is dead.", cc=CARL), "photo.jpg", b"JPEG")))
            for each in moves:
                stage.play(each)
            office.later(days=3)
            office.later(days=9)
            assert office.violations() == []
            return leaks(stage), {one.name for one in outside(office)}
        finally:
            office.close()


HOLDS = Policy(collision=Collision.HOLD)
USUAL = Policy()


@settings(max_examples=20, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(moves=st.lists(st.sampled_from(MOVES), min_size=6, max_size=12), policy=st.sampled_from([USUAL, HOLDS]), german=st.booleans())
def test_no_story_tells_anybody_outside_what_was_said_inside(moves: list[Move], policy: Policy, german: bool) -> None:
    found, _ = story(moves, policy=policy, language="de" if german else "en")
    assert found == [], found


@pytest.mark.parametrize("first", MOVES, ids=lambda one: one.__name__)
def test_no_move_leaks_whatever_is_told_and_quoted_after_it(first: Move) -> None:
    rest = [
        the_technician_answers, the_requester_answers, the_technician_asks_a_vendor, the_technician_takes_it_and_solves_it,
        the_requester_asks_how_far_it_is, the_requester_rejects, the_technician_asks, time_goes_by, the_technician_closes_it,
    ]  # fmt: skip
    found, letters = story([first, *rest])
    assert found == [], found
    assert {"acknowledgement", "reply", "resolved", "closed", "vendor"} <= letters


def test_a_technician_who_asks_for_something_himself_reads_no_notes_about_it(guarded: Office) -> None:
    stage = Stage(guarded)
    guarded.post(aligned(mail("My own printer is dead.", sender=TINA.address, name="Tina"), "desk.example"))
    stage.writes(TOM.address, f"#note {stage.secret()}")
    stage.writes(MAX.address, stage.secret())
    for text in (f"#priority {stage.secret()}", "Is it plugged in?", "#resolve New toner."):
        stage.writes(TOM.address, text)
    guarded.later(days=9)
    mine = [one for one in guarded.everything_sent() if one.to == TINA.address]
    assert {"acknowledgement", "reply", "resolved"} <= {one.name for one in mine}
    assert [secret for one in mine for secret in stage.secrets if secret in every_byte(one)] == []


# ----------------------------------------------------------------------------------------------- does the look see anything?


def _notes_are_sent(patch: pytest.MonkeyPatch) -> None:
    """A note goes to whoever asked."""
    patch.setitem(obey._DO, (Grammar.TECHNICIAN, "note"), lambda draft, command, _after, _text: technician._relay(draft, command.args))


def _refused_text_is_sent(patch: pytest.MonkeyPatch) -> None:
    """What is wrong is taken for an answer."""
    patch.setattr(technician, "refused", lambda before, draft, text, reading, answer: _relayed(draft, text))


def _relayed(draft: Draft, text: str) -> Decision:
    technician._relay(draft, text)
    return draft.decided(Outcome.APPENDED)


def _notes_are_public(patch: pytest.MonkeyPatch) -> None:
    """A note is kept where everybody's words are."""
    patch.setitem(obey._DO, (Grammar.TECHNICIAN, "note"), _said_aloud)


def _said_aloud(draft: Draft, command: Command, _after: Status | None, _text: str) -> None:
    draft.event("note")
    obey._speak(draft, command.args)


def _quotes_are_kept(patch: pytest.MonkeyPatch) -> None:
    """What stands below an answer is taken for a part of it."""
    patch.setattr(kit, "parse", lambda raw: replace(parse(raw), reply_text=parse(raw).text))


def _files_are_passed_on(patch: pytest.MonkeyPatch) -> None:
    """The files of a mail that only holds a note travel with what else it says."""
    patch.setitem(obey._DO, (Grammar.TECHNICIAN, "note"), lambda draft, _command, _after, _text: technician._relay(draft, "See the file."))


@pytest.mark.parametrize(
    ("broken", "moves"),
    [
        (_notes_are_sent, [a_note]),
        (_notes_are_public, [a_note, the_technician_asks_a_vendor]),
        (_refused_text_is_sent, [a_misplaced_command]),
        (_quotes_are_kept, [a_copy_whom_nothing_proves, the_technician_answers]),
        (_files_are_passed_on, [a_note]),
    ],
)
def test_the_look_sees_what_leaks(broken: Callable[[pytest.MonkeyPatch], None], moves: list[Move], monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch)
    found, _ = story(moves)
    assert found != []


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
@pytest.mark.parametrize("place", ["subject", "sender", "text", "html", "file", "file name"])
@pytest.mark.parametrize("transfer", ["base64", "quoted-printable"])
def test_every_byte_is_looked_at(place: str, transfer: str, charset: str) -> None:
    words = dict.fromkeys(("subject", "sender", "text", "html", "file", "file name"), "nothing") | {place: "ä Canary<b>00</b>12x"}
    words |= {one: "ä canary0012x" for one in ("subject", "sender", "text", "file", "file name") if one == place}
    letter = EmailMessage()
    letter["Subject"], letter["From"] = words["subject"], EmailAddress(words["sender"], addr_spec="desk@desk.example")
    letter.set_content(words["text"], charset=charset, cte=transfer)
    letter.add_alternative(f"<p>{words['html']}</p>", subtype="html", charset=charset, cte=transfer)
    letter.add_attachment(words["file"].encode(), "application", "octet-stream", filename=words["file name"])
    assert "canary0012x" in seen(letter.as_bytes())
