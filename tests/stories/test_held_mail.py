"""What becomes of a mail that was held? A human looks at it and releases it, puts it on a ticket, or drops it; nothing else does."""

from __future__ import annotations

from mailgate.desk.model import TicketId
from mailgate.flow import operate
from tests.kit.office import TINA, TOM, Office, aligned, mail, spoofed


def test_a_released_mail_opens_its_ticket_and_its_sender_is_still_no_more_than_claimed(guarded: Office) -> None:
    row = guarded.post(spoofed(mail("Printer dead.")))
    assert operate.release(guarded.store, [row.id], guarded.now) == [row.id]
    guarded.work()
    released = guarded.row(row.id)
    assert (released.state, released.ticket) == ("done", 1)
    said = guarded.story().messages[0]
    assert (said.strength, said.unverified, said.text.strip()) == ("claimed", True, "Printer dead.")
    assert sorted((one.name, one.to) for one in guarded.letters()) == [
        ("acknowledgement", "ann@out.example"), ("new_ticket", TINA.address), ("new_ticket", TOM.address),
    ]  # fmt: skip


def test_a_released_command_is_not_done(guarded: Office) -> None:
    """Whoever let it in saw the mail, not the man."""
    guarded.post(aligned(mail("Printer dead.")))
    row = guarded.post(spoofed(mail("cancel", subject="[MG-1] x")))
    operate.release(guarded.store, [row.id], guarded.now)
    guarded.work()
    assert guarded.row(row.id).ticket == 1
    assert (guarded.ticket().status, guarded.story().messages[-1].unverified) == ("New", True)


def test_a_held_mail_can_be_put_on_a_ticket_that_it_does_not_name(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.")))
    row = guarded.post(spoofed(mail("It is the fuser.")))
    assert operate.release(guarded.store, [row.id], guarded.now, attach_to=TicketId(1)) == [row.id]
    guarded.work()
    said = guarded.story().messages[-1]
    assert (guarded.row(row.id).ticket, guarded.count()) == (1, 1)
    assert (said.text.strip(), said.unverified) == ("It is the fuser.", True)


def test_a_held_mail_of_a_stranger_can_be_put_on_a_ticket_and_proves_nothing_there(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.")))
    row = guarded.post(spoofed(mail("cancel\n\nI saw it too.", sender="eve@out.example")))
    operate.release(guarded.store, [row.id], guarded.now, attach_to=TicketId(1))
    guarded.work()
    said = guarded.story().messages[-1]
    assert (guarded.row(row.id).ticket, guarded.count()) == (1, 1)
    assert (said.author, said.unverified, guarded.ticket().status) == ("eve@out.example", True, "New")


def test_a_dropped_mail_needs_nothing_more_and_its_octets_stay(guarded: Office) -> None:
    row = guarded.post(spoofed(mail("Printer dead.")))
    assert operate.drop_mails(guarded.store, [row.id], guarded.now) == [row.id]
    guarded.work()
    dropped = guarded.row(row.id)
    assert (dropped.state, dropped.reason, guarded.count(), guarded.letters()) == ("ignored", "dropped", 0, [])
    assert dropped.size > 0


def test_a_mail_that_is_judged_again_is_judged_as_strictly_as_before(guarded: Office) -> None:
    row = guarded.post(spoofed(mail("Printer dead.")))
    assert operate.retry_mails(guarded.store, [row.id], guarded.now) == [row.id]
    guarded.work()
    assert (guarded.row(row.id).state, guarded.count()) == ("held", 0)


def test_only_a_mail_that_waits_for_a_human_can_be_released_or_dropped_and_only_once(guarded: Office) -> None:
    done = guarded.post(aligned(mail("Printer dead.")))
    assert operate.release(guarded.store, [done.id], guarded.now) == []
    assert operate.drop_mails(guarded.store, [done.id], guarded.now) == []
    held = guarded.post(spoofed(mail("Screen dead.")))
    assert operate.release(guarded.store, [held.id, held.id], guarded.now) == [held.id]
    guarded.work()
    assert operate.release(guarded.store, [held.id], guarded.now) == []
    assert guarded.count() == 2
