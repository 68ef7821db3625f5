"""What does a letter look like as octets? Its recipient, its marks against loops, its threads, its files; and what it never carries.

Nothing that is internal reaches a requester, whatever happens to the ticket: canary words are looked for in every octet that leaves.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr

import pytest

from mailgate.desk.letters import HUMAN
from mailgate.desk.model import Address, TicketId
from mailgate.flow import operate
from mailgate.flow.delivery import Delivery
from tests.kit.office import TINA, TOM, Letter, Office, aligned, mail, reply, with_file
from tests.stories.conftest import GUARDED

ANN = "ann@out.example"
STAFF = {str(TINA.address), str(TOM.address)}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> list[Letter]:
    """A life in which as many kinds of letters go out as there are, with a colleague in copy and files both ways: all its letters."""
    office = Office(tmp_path_factory.mktemp("life"), security=GUARDED)
    office.post(with_file(aligned(mail("The printer is dead.", cc="bob@out.example")), "photo.jpg", b"\xff\xd8photo", "image/jpeg"))
    technician = office.last("new_ticket", TINA.address)

    def tina(words: str) -> None:
        office.post(aligned(reply(technician, words, name="Tina"), "desk.example"))

    def ann(words: str, to: str) -> None:
        office.post(aligned(reply(office.last(to, ANN), words)))

    tina("#assign tom")
    tina("#nonsense")
    tina("Have you tried another cable?")
    tina("#pending Which floor?")
    ann("status", "question")
    ann("The third.", "question")
    tina("#note The secret is INTERNAL-CANARY.")
    tina("#resolve New toner.")
    ann("reject", "resolved")
    tina("#resolve New drum.")
    ann("help", "resolved")
    for days in (3, 3, 1):
        office.later(days=days)
    written, violations = office.everything_sent(), office.violations()
    office.close()
    assert violations == []
    return written


def on_the_wire(letter: Letter) -> EmailMessage:
    """The letter as a strict reader of today's mail sees it."""
    return email.message_from_bytes(letter.octets, policy=email.policy.default)


def test_the_life_above_writes_every_kind_of_letter_that_a_ticket_can_cause(life: list[Letter]) -> None:
    assert {one.name for one in life} == {
        "acknowledgement", "new_ticket", "assigned", "receipt", "reply", "question", "status", "requester_replied", "resolved", "reopened",
        "help", "reminder", "closing_soon", "closed",
    }  # fmt: skip


def test_each_letter_has_exactly_one_recipient_and_no_field_that_was_not_meant(life: list[Letter]) -> None:
    known = {
        "Date", "From", "To", "Reply-To", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "Content-Language",
        "X-Auto-Response-Suppress", "X-Mailgate-Letter", "X-Mailgate-Ticket", "X-Mailgate-Loop", "MIME-Version", "Content-Type",
    }  # fmt: skip
    for letter in life:
        names = on_the_wire(letter).keys()
        assert len(names) == len(set(names)), letter.name
        assert set(names) <= known, letter.name
        assert [address for _, address in getaddresses([letter["To"]])] == [letter.to]


def test_automatic_letters_say_so_and_the_words_of_a_human_do_not(life: list[Letter]) -> None:
    """RFC 3834: an answer to a mail is auto-replied, what a timer sends is auto-generated."""
    for letter in life:
        if letter.name in HUMAN:
            assert (letter["Auto-Submitted"], letter["X-Auto-Response-Suppress"]) == ("", ""), letter.name
            continue
        by_timer = letter.name in ("reminder", "closing_soon", "closed")
        assert letter["Auto-Submitted"] == ("auto-generated" if by_timer else "auto-replied"), letter.name
        assert letter["X-Auto-Response-Suppress"] == "All"


def test_each_letter_carries_its_name_its_ticket_and_our_loop_mark(life: list[Letter]) -> None:
    for letter in life:
        assert letter["X-Mailgate-Letter"] == letter.name
        assert letter["X-Mailgate-Ticket"] == "1"
        assert letter["X-Mailgate-Loop"] == "0123456789abcdef.1"
        assert letter.subject.count("[MG-1]") == 1


def test_each_letter_is_answered_to_a_signed_address_of_its_own_recipient(life: list[Letter]) -> None:
    for letter in life:
        assert re.fullmatch(r"desk\+t\.1\.[a-z2-7]{18}@desk\.example", letter.reply_to), letter.name
        assert parseaddr(letter["From"])[1] == "desk@desk.example"
    assert len({one.reply_to for one in life}) == len({one.to for one in life})


def test_each_letter_threads_by_our_signed_id_and_by_what_it_answers(life: list[Letter]) -> None:
    for letter in life:
        local, _, host = letter.reply_to.replace("desk+", "", 1).partition("@")
        ids = letter["References"].split()
        assert ids[0] == f"<{local}@{host}>", letter.name
        assert letter["In-Reply-To"] in ids
        assert len(ids) <= 20
    assert len({one["Message-ID"] for one in life}) == len(life)


def test_the_requesters_letters_answer_the_requesters_newest_mail(office: Office) -> None:
    """So that mail programs which know nothing of our ids show one thread."""
    office.post(mail("The printer is dead.", message_id="m1@mua"))
    assert office.last("acknowledgement")["In-Reply-To"] == "<m1@mua>"
    office.post(mail("More.", to=office.last("acknowledgement").reply_to, message_id="m2@mua"))
    office.post(reply(office.last("new_ticket", TINA.address), "Try another cable.", name="Tina"))
    assert office.last("reply")["In-Reply-To"] == "<m2@mua>"


def test_each_letter_leaves_under_a_signed_bounce_address_of_its_own(office: Office) -> None:
    office.post(mail("The printer is dead."))
    delivery = Delivery(office.store, office.house, "office", lambda: office.now, lambda: 0.0, lambda: 0.5)
    parcels = delivery.claim()
    assert len({one.envelope_from for one in parcels}) == len(parcels) == 3
    for parcel in parcels:
        assert re.fullmatch(rf"desk\+b\.{parcel.row}\.[a-z2-7]{{12}}@desk\.example", parcel.envelope_from)
        assert len(parcel.envelope_from.partition("@")[0]) <= 64


def test_each_letter_has_text_and_html_and_opens_with_the_line_that_answers_stay_above_of(life: list[Letter]) -> None:
    for letter in life:
        assert letter.text.lstrip().startswith("##-"), letter.name
        assert "##-" in letter.html


# -------------------------------------------------------------------------------------------------------------- header gate


NASTY = [
    "=?utf-8?q?x=0D=0ABcc:_victim@out.example?=", "=?utf-8?b?eA0KQmNjOiB2aWN0aW1Ab3V0LmV4YW1wbGU=?=", "x\x0bBcc: victim@out.example",
    "=?utf-8?q?=E2=80=AEtxt.exe=E2=80=A8Bcc:?=", "=?utf-8?q?=00=01?=", "{{ 7*7 }} {% raise %} %s %(x)s {0}", "A" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY)
def test_attack_055_whatever_a_requester_writes_a_letter_has_the_fields_and_recipient_that_we_meant(guarded: Office, nasty: str) -> None:
    guarded.post(aligned(mail(nasty, subject=nasty, name=nasty if "\x0b" not in nasty else "x")))
    letters = guarded.letters()
    assert letters
    for letter in letters:
        message = on_the_wire(letter)
        assert "Bcc" not in message
        assert len(message.get_all("To", [])) == 1
        assert [address for _, address in getaddresses([letter["To"]])] == [letter.to]
        assert "victim@out.example" not in letter["To"]
        assert max(map(len, letter.octets.split(b"\r\n"))) <= 998
        assert "49" not in letter.subject


@pytest.mark.parametrize("name", ["a, victim@out.example", '"a" <victim@out.example>,', "victim@out.example", "a;b:c", "Ann (boss"])
def test_attack_058_no_display_name_becomes_a_recipient(guarded: Office, name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    guarded.post(aligned(mail(name=f'"{quoted}"')))
    for letter in guarded.letters():
        assert [address for _, address in getaddresses([letter["To"]])] == [letter.to]
        assert letter.to in (ANN, *STAFF)


def test_attack_059_endless_or_broken_references_come_out_short_and_well_formed(guarded: Office) -> None:
    ids = " ".join(f"<{n}.{'x' * 60}@mua.example>" for n in range(300))
    guarded.post(aligned(mail(headers=f"References: {ids}\n In-Reply-To <broken\nIn-Reply-To: <a b@c> <<x>> <{'y' * 900}@z>")))
    for letter in guarded.letters():
        references = letter["References"].split()
        assert len(references) <= 20
        assert all(re.fullmatch(r"<[!-~]+@[!-~]+>", one) for one in references)
        assert sum(map(len, references)) <= 998


def test_attack_062_what_a_requester_writes_is_never_a_template(guarded: Office) -> None:
    guarded.post(aligned(mail("{{ 7*7 }} {% for x in range(9) %}y{% endfor %} {{ desk.__class__ }}", subject="{{ 7*7 }}")))
    letter = guarded.last("new_ticket", TINA.address)
    assert "{{ 7*7 }}" in letter.text
    assert "{{ 7*7 }}" in letter.subject


def test_what_a_requester_writes_is_never_markup(guarded: Office) -> None:
    guarded.post(aligned(mail("<script>alert(1)</script><img src=x onerror=y>", subject="<b>x</b>", name="<i>Ann</i>")))
    guarded.post(aligned(mail("<script>alert(1)</script>", subject="<b>x</b>")))
    for letter in guarded.letters():
        assert "<script" not in letter.html
        assert "<img src=x" not in letter.html
        assert "<b>x</b>" not in letter.html


# ---------------------------------------------------------------------------------------------------------------- files


def test_the_requesters_file_reaches_the_technician_octet_for_octet(either_office: Office) -> None:
    office, octets = either_office, bytes(range(256)) * 300
    office.post(with_file(mail("See the photo."), "photo.jpg", octets, "image/jpeg"))
    letter = office.last("new_ticket", TINA.address)
    assert letter.files == {"photo.jpg": octets}
    assert "photo.jpg" in letter.text
    (file,) = office.story().messages[0].files
    assert (file.filename, file.size, file.sha256) == ("photo.jpg", len(octets), hashlib.sha256(octets).hexdigest())
    assert office.last("acknowledgement").files == {}


def test_the_technicians_file_reaches_the_requester_octet_for_octet(office: Office) -> None:
    office.post(mail("The printer is dead."))
    octets = b"%PDF-1.7 manual" * 1000
    office.post(with_file(reply(office.last("new_ticket", TINA.address), "Please read this.", name="Tina"), "manual.pdf", octets))
    assert office.last("reply", ANN).files == {"manual.pdf": octets}


def test_a_file_that_comes_with_an_answer_reaches_the_technician(office: Office) -> None:
    office.post(mail("The printer is dead."))
    office.post(with_file(reply(office.last("acknowledgement"), "Here is the log."), "log.txt", b"lines"))
    assert office.last("requester_replied", TINA.address).files == {"log.txt": b"lines"}


def test_what_is_too_big_for_a_letter_is_named_in_it(office: Office) -> None:
    office.post(with_file(mail("The whole disk."), "disk.img", b"\0" * 10_000_001))
    letter = office.last("new_ticket", TINA.address)
    assert letter.files == {}
    assert "disk.img" in letter.text


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\x\\evil.exe", ".htaccess", "a\u202egpj.exe", "CON", "x" * 5000, "a; b=c"])
def test_attack_082_a_file_travels_under_a_harmless_name(office: Office, name: str) -> None:
    office.post(with_file(mail("See."), name, b"x"))
    (sent,) = office.last("new_ticket", TINA.address).files
    assert not re.search(r"[/\\\x00-\x1f\u202a-\u202e;=]|\.\.", sent)
    assert not sent.startswith(".")
    assert len(sent) <= 100


# --------------------------------------------------------------------------------------------------------- what is internal


def test_attack_115_nothing_internal_is_in_any_octet_that_a_requester_gets(open_office: Callable[..., Office]) -> None:
    """Notes, refused mails, receipts, unproven words of technicians, a manager's remark, an operator's order: all stay in the house."""
    office = open_office(security=GUARDED)
    office.post(aligned(mail("The printer is dead.", cc="bob@out.example")))
    technician = office.last("new_ticket", TINA.address)

    def tina(words: str) -> None:
        office.post(aligned(reply(technician, words, name="Tina"), "desk.example"))

    tina("#note CANARY-1 is what we think of him.")
    tina("#take\n#note CANARY-2 in a second line\nCANARY-3 in its rest")
    tina("#resolv CANARY-4 in a line that is wrong\nCANARY-5 below it")
    tina("CANARY-6 above a command\n#close")
    office.post(mail("CANARY-7", sender=str(TOM.address), subject="[MG-1]"))
    office.post(aligned(mail("CANARY-8", sender="max@desk.example", subject="[MG-1]"), "desk.example"))
    operate.order(office.store, office.house, TicketId(1), "#note CANARY-9", None, office.now)
    tina("A public answer.")
    tina("#pending A public question?")
    office.post(aligned(reply(office.last("question", ANN), "status")))
    office.post(aligned(reply(office.last("question", ANN), "An answer.")))
    tina("#resolve A public solution.")
    office.post(aligned(reply(office.last("resolved", ANN), "reject")))
    tina("#resolve Another solution.")
    for days in (3, 3, 1):
        office.later(days=days)
    outside = [one for one in office.everything_sent() if one.to not in STAFF]
    assert {"reply", "question", "resolved", "status", "reopened", "closed"} <= {one.name for one in outside}
    for letter in outside:
        shown = letter.octets.decode() + letter.text + letter.html + letter.subject
        assert "CANARY" not in shown, letter.name
        assert not re.search(r"(?m)^\s*#(?:note|resolve|take|pending|resolv|close)\b", letter.text), letter.name
    kept = [one for one in office.story().messages if "CANARY" in one.text]
    assert all(one.visibility == "internal" for one in kept)
    assert {f"CANARY-{n}" for n in range(1, 10)} <= {word for one in kept for word in re.findall(r"CANARY-\d", one.text)}


def test_attack_114_a_letter_names_no_other_recipient(life: list[Letter]) -> None:
    """Who else hears of it stands in no header, and technicians' addresses in no requester's letter."""
    for letter in life:
        raw = letter.octets.decode()
        assert [name for name in ("Cc", "Bcc", "Resent-To") if letter[name]] == []
        if letter.to not in STAFF:
            assert str(TINA.address) not in raw, letter.name
            assert str(TOM.address) not in raw, letter.name
        if letter.to == ANN:
            assert "bob@out.example" not in raw.partition("\r\n\r\n")[0], letter.name


def test_attack_022_a_sub_address_of_the_requester_is_somebody_else(office: Office) -> None:
    office.post(mail("The printer is dead."))
    row = office.post(reply(office.last("acknowledgement"), "cancel", sender="ann+x@out.example"))
    assert (row.ticket, office.ticket(1).status) == (2, "New")


def test_attack_021_only_ascii_letters_are_folded(office: Office) -> None:
    office.post(mail("Hi.", sender="kim@out.example"))
    row = office.post(reply(office.last("acknowledgement"), "cancel", sender="\u212aim@out.example"))
    assert (row.ticket != 1, office.ticket(1).status) == (True, "New")
    assert office.ticket(1).requester == Address("kim@out.example")


def test_a_mail_without_a_subject_is_announced_as_such_and_as_nothing_secret(office: Office) -> None:
    office.post(b"From: Ann <ann@out.example>\r\nTo: desk@desk.example\r\n\r\nThe printer is dead.\r\n")
    told = office.last("new_ticket", TINA.address)
    assert told.subject == "[MG-1] (no subject)"
    assert "onfidential" not in told.text + told.html
    office.post(reply(told, "We are on it."))
    assert office.last("reply", "ann@out.example").subject == "Re: [MG-1] Your request"
