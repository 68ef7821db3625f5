"""What if a mail comes twice? Once more over another path, once more from a list, or another one under the same Message-ID.

Only the same content from the same sender is the same mail. A Message-ID alone never keeps anything from anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.kit.office import TINA, Office, aligned, mail, reply, with_header
from tests.stories.conftest import GUARDED

ANN = "ann@out.example"


def effects(office: Office) -> tuple[int, int, int]:
    """Tickets, events and letters so far."""
    numbers = range(1, office.count() + 1)
    return office.count(), sum(len(office.story(one).events) for one in numbers), len(office.everything_sent())


# ----------------------------------------------------------------------------------------------------------- one effect


def test_a_retransmitted_mail_has_one_effect(either_office: Office) -> None:
    office, raw = either_office, mail()
    first = office.post(raw)
    before = effects(office)
    for _ in range(3):
        assert office.post(raw).id == first.id
    assert effects(office) == before
    assert office.row(first.id).seen_count == 4


def test_a_retransmission_before_the_first_was_processed_is_the_same_mail(office: Office) -> None:
    raw = mail()
    assert office.receive(raw) == office.receive(raw)
    office.work()
    assert office.count() == 1


def test_a_second_path_is_recognised_by_what_the_sender_wrote(office: Office) -> None:
    """By way of another relay, with its stamps, and with bare line feeds as a pipe delivers."""
    raw = mail()
    first = office.post(raw)
    copies = [
        with_header(raw, "Received: from a.example by b.example; Mon, 2 Mar 2026 09:00:01 +0000"),
        with_header(raw, "Return-Path: <ann@out.example>\r\nDelivered-To: desk@desk.example\r\nX-Spam-Score: 0.1"),
        with_header(raw, "DKIM-Signature: v=1; d=out.example; b=abc\r\nAuthentication-Results: mx; none"),
        raw.replace(b"\r\n", b"\n"),
    ]
    for copy in copies:
        assert office.post(copy).id == first.id
    assert office.count() == 1


def test_a_retransmission_long_after_is_still_the_same_mail(office: Office) -> None:
    """Queues of senders live for five days, and somebody may restore an old mailbox."""
    raw = mail()
    first = office.post(raw)
    office.now += timedelta(days=29)
    assert office.post(raw).id == first.id
    assert office.count() == 1


def test_a_command_that_arrives_twice_is_done_once(office: Office) -> None:
    office.post(mail())
    raw = reply(office.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina")
    office.post(raw)
    before = effects(office)
    office.post(raw)
    assert effects(office) == before


# ------------------------------------------------------------------------------------------------------- a further copy


def test_a_copy_with_the_footer_of_a_list_within_a_quarter_of_an_hour_is_a_note_and_nothing_more(either_office: Office) -> None:
    office = either_office
    office.post(mail("Printer dead.", message_id="m1@mua"))
    office.letters()
    office.now += timedelta(minutes=14)
    row = office.post(mail("Printer dead.\n\n-- \nYou get this from a list.", message_id="m1@mua"))
    note = office.story().messages[-1]
    assert (row.ticket, office.count(), office.letters()) == (1, 1, [])
    assert (note.visibility, note.note) == ("hidden", "further-copy")


def test_a_further_copy_of_a_command_does_not_repeat_it(office: Office) -> None:
    """The first copy was known by its token, and so is the second; what the first one did must not be done again."""
    office.post(mail("Printer dead."))
    office.post(reply(office.last("new_ticket", TINA.address), "#resolve New toner.", name="Tina"))
    raw = reply(office.last("resolved"), "reject it smokes")
    office.post(raw)
    office.letters()
    office.post(raw + b"-- \r\nfooter of a list\r\n")
    assert (office.ticket().reopened, office.letters()) == (1, [])
    assert office.story().messages[-1].note == "further-copy"


def test_a_further_copy_goes_where_the_first_one_went(office: Office) -> None:
    """Also where the first one opened a ticket although it named another: a stranger leaves no note on what is not his."""
    office.post(mail("Printer dead."))
    raw = mail("Tell me more.", sender="mallory@evil.example", subject="[MG-1] x")
    assert office.post(raw).ticket == 2
    assert office.post(raw + b"footer\r\n").ticket == 2
    assert (len(office.story(1).messages), len(office.story(2).messages)) == (1, 2)


def test_a_device_that_uses_one_message_id_for_ever_is_heard_each_time(office: Office) -> None:
    """Later than a quarter of an hour the same id is another mail: its own ticket, its own acknowledgement."""
    for number in range(3):
        row = office.post(mail(f"Scan {number}", sender="copier@out.example", message_id="scan@copier"))
        assert row.ticket == number + 1
        office.now += timedelta(minutes=16)
    assert [one.name for one in office.letters() if one.to == "copier@out.example"] == ["acknowledgement"] * 3


# ------------------------------------------------------------------------------------------------ somebody else's mail


def test_the_same_message_id_of_another_sender_is_his_own_mail(office: Office) -> None:
    office.post(mail("Printer dead.", message_id="m1@mua"))
    row = office.post(mail("Screen dead.", sender="bob@out.example", message_id="m1@mua"))
    assert (row.ticket, office.ticket(2).requester) == (2, "bob@out.example")
    assert "mid_collision" in office.reason(row.id)
    assert office.last("acknowledgement", "bob@out.example")["X-Mailgate-Ticket"] == "2"


def test_a_forger_who_is_first_with_her_message_id_does_not_keep_the_genuine_mail_out(
    store_url: str, open_office: Callable[..., Office]
) -> None:  # fmt: skip
    """Mallory knows Ann's Message-ID and writes in her name before she does. Her own mail gets its own ticket, as hers."""
    office = open_office(url=store_url, security=GUARDED)
    office.post(mail("Never mind.", message_id="m1@mua"))
    office.letters()
    row = office.post(aligned(mail("Printer dead.", message_id="m1@mua")))
    said = office.story(row.ticket or 0).messages[-1]
    assert (row.ticket, said.text.strip(), said.strength, said.unverified) == (2, "Printer dead.", "aligned", False)
    assert [one.name for one in office.letters() if one.to == ANN] == ["acknowledgement"]
    assert "mid_collision" in office.reason(row.id)


def test_a_forger_cannot_draw_her_mail_into_his_ticket_by_naming_her_in_copy(guarded: Office) -> None:
    """Mallory opens a ticket under the Message-ID that Ann is about to use, with Ann in copy."""
    guarded.post(aligned(mail("Mine.", sender="mallory@evil.example", cc=ANN, message_id="m1@mua"), "evil.example"))
    row = guarded.post(aligned(mail("Printer dead.", message_id="m1@mua")))
    assert (row.ticket, guarded.ticket(2).requester) == (2, ANN)


# ------------------------------------------------------------------------------------------------------ no identity


def test_mails_without_a_message_id_are_told_apart_by_content_date_and_sender(office: Office) -> None:
    bare = mail("Printer dead.", message_id="gone@mua").replace(b"Message-ID: <gone@mua>\r\n", b"", 1)
    empty = bare.replace(b"MIME-Version", b"Message-ID: <>\r\nMIME-Version", 1)
    first = office.post(bare)
    assert office.post(bare).id == first.id
    others = [
        bare.replace(b"Printer dead.", b"Screen dead."), bare.replace(b"09:00:00", b"09:00:01"),
        bare.replace(b"ann@out.example", b"bob@out.example", 1),
    ]  # fmt: skip
    assert len({office.post(raw).id for raw in others} | {first.id}) == 4
    row = office.post(empty.replace(b"Printer", b"Mouse"))
    assert (row.state, office.count()) == ("done", 5)


def test_a_reused_empty_message_id_connects_nothing(office: Office) -> None:
    for sender in (ANN, "bob@out.example"):
        raw = mail("Help.", sender=sender, message_id="gone@mua").replace(b"<gone@mua>", b"<>", 1)
        office.post(raw)
    assert office.count() == 2


def test_attack_011_a_replayed_command_does_nothing_a_second_time_and_nothing_elsewhere(guarded: Office) -> None:
    """Ann's genuine `accept` is replayed: to the same ticket, after it was opened again, and to Eve's."""
    for sender in (ANN, "eve@out.example"):
        guarded.post(aligned(mail("Printer dead.", sender=sender)))
        ticket = guarded.count()
        guarded.post(aligned(mail("#resolve Done.", sender=str(TINA.address), subject=f"[MG-{ticket}]"), "desk.example"))
    genuine = aligned(mail("accept", subject="[MG-1] done"))
    guarded.post(genuine)
    assert guarded.ticket(1).status == "Completed"
    guarded.post(genuine, to=[guarded.signed(2, "eve@out.example")])
    guarded.post(genuine.replace(b"[MG-1]", b"[MG-2]"))
    assert guarded.ticket(2).status == "Waiting for Closure"
