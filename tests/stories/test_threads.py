"""To which ticket does a mail belong? The strongest clue says so: signed address, our ids, ids we heard of, the tag in the subject.

A clue finds a ticket and gives no right: who may do what there is told in the stories of strangers and of people.
"""

from __future__ import annotations

from collections.abc import Callable

from mailgate.desk.model import Address
from mailgate.desk.policy import Desk
from tests.kit.office import Office, aligned, mail, reply

HUMAN_RESOURCES = Desk(name="Human Resources", address=Address("hr@desk.example"), tag="HR")


def told(office: Office, ticket: int = 1) -> list[tuple[str, str]]:
    """Who wrote what to a ticket, in the order in which the desk learnt it."""
    return [(str(one.author), one.text.strip()) for one in office.story(ticket).messages]


def strength(office: Office, ticket: int = 1) -> str | None:
    """How well the writer of the last message was known."""
    return office.story(ticket).messages[-1].strength


# ---------------------------------------------------------------------------------------------------------- our own signs


def test_an_answer_to_a_letter_finds_its_ticket_by_the_signed_address(either_office: Office) -> None:
    office = either_office
    office.post(mail("The printer is dead."))
    row = office.post(mail("It smokes now.", to=office.last("acknowledgement").reply_to, subject="quite another subject"))
    assert (row.ticket, office.count()) == (1, 1)
    assert '"clue", "reply-address"' in office.reason(row.id)
    assert told(office) == [("ann@out.example", "The printer is dead."), ("ann@out.example", "It smokes now.")]
    assert strength(office) == "token"


def test_the_signed_address_counts_in_cc_and_in_the_envelope_alone(office: Office) -> None:
    office.post(mail())
    signed = office.last("acknowledgement").reply_to
    office.post(mail("by Cc", to="boss@out.example", cc=signed, subject="x"))
    office.post(mail("by envelope", to="list@out.example", subject="x"), to=[signed])
    assert office.count() == 1
    assert [text for _, text in told(office)][1:] == ["by Cc", "by envelope"]


def test_the_signed_address_survives_relays_that_change_its_case(office: Office) -> None:
    office.post(mail())
    office.post(mail("louder", to=office.last("acknowledgement").reply_to.upper(), subject="x"))
    assert (office.count(), strength(office)) == (1, "token")


def test_an_answer_finds_its_ticket_by_our_message_id_alone(office: Office) -> None:
    office.post(mail())
    parent = office.last("acknowledgement")["Message-ID"]
    row = office.post(mail("More.", subject="x", headers=f"In-Reply-To: {parent}"))
    assert (row.ticket, strength(office)) == (1, "token")
    assert '"clue", "our-message-id"' in office.reason(row.id)


def test_an_answer_finds_its_ticket_by_the_thread_id_when_a_relay_rewrote_our_message_id(office: Office) -> None:
    office.post(mail())
    letter = office.last("acknowledgement")
    thread_id = letter["References"].split()[0]
    headers = f"In-Reply-To: <0102-000000@eu-west-1.relay.example>\nReferences: {thread_id} <0102-000000@eu-west-1.relay.example>"
    row = office.post(mail("More.", subject="x", headers=headers))
    assert (row.ticket, strength(office)) == (1, "token")
    assert '"clue", "thread-id"' in office.reason(row.id)


def test_the_tag_in_the_subject_finds_the_ticket_and_proves_nobody(office: Office) -> None:
    office.post(mail())
    row = office.post(mail("More.", subject="AW: [MG-1] Printer is dead"))
    assert (row.ticket, office.count(), strength(office)) == (1, 1, "claimed")
    assert '"clue", "subject-tag"' in office.reason(row.id)


def test_a_tag_in_the_text_or_a_number_without_brackets_is_no_clue(office: Office) -> None:
    office.post(mail())
    for subject, text in (("MG-1", "x"), ("Printer", "see [MG-1]"), ("[MG 1] x", "x"), ("[MG-]", "x"), ("[XMG-1]", "x")):
        office.post(mail(text, subject=subject))
    assert office.count() == 6


def test_a_title_alone_is_no_clue(office: Office) -> None:
    office.post(mail(subject="Printer is dead"))
    office.post(mail(subject="Re: Printer is dead"))
    assert office.count() == 2


# ------------------------------------------------------------------------------------------------ ids that we heard of


def test_a_colleague_in_copy_who_answers_a_mail_that_we_never_saw_stays_on_the_ticket(guarded: Office) -> None:
    """Ann asks the desk with Bob in copy, goes on with Bob alone, and Bob answers that with the desk in copy again."""
    guarded.post(aligned(mail("Printer dead.", cc="bob@out.example", message_id="m1@mua")))
    headers = "In-Reply-To: <private@mua>\nReferences: <m1@mua> <private@mua>"
    row = guarded.post(aligned(mail("I have seen it too.", sender="bob@out.example", cc="ann@out.example", subject="x", headers=headers)))
    assert (row.ticket, guarded.count()) == (1, 1)
    assert told(guarded)[-1] == ("bob@out.example", "I have seen it too.")


def test_an_answer_to_a_mail_that_was_only_mentioned_stays_on_the_ticket(guarded: Office) -> None:
    """Bob's answer mentioned Ann's private mail; her next one answers nothing but that."""
    guarded.post(aligned(mail("Printer dead.", cc="bob@out.example", message_id="m1@mua")))
    headers = "In-Reply-To: <private@mua>\nReferences: <m1@mua> <private@mua>"
    guarded.post(aligned(mail("Seen too.", sender="bob@out.example", subject="x", headers=headers)))
    row = guarded.post(aligned(mail("As I told Bob.", subject="x", headers="In-Reply-To: <private@mua>")))
    assert (row.ticket, guarded.count()) == (1, 1)
    assert '"clue", "message-id"' in guarded.reason(row.id)


def test_the_original_that_arrives_after_its_answer_joins_the_ticket_that_the_answer_opened(guarded: Office) -> None:
    answer = mail("I have it too.", sender="bob@out.example", to="ann@out.example", cc="desk@desk.example", headers="In-Reply-To: <m1@mua>")
    guarded.post(aligned(answer))
    row = guarded.post(aligned(mail("Printer dead.", cc="bob@out.example", message_id="m1@mua")))
    assert (row.ticket, guarded.count()) == (1, 1)
    assert '"clue", "mentioned-before"' in guarded.reason(row.id)
    assert [author for author, _ in told(guarded)] == ["bob@out.example", "ann@out.example"]


def test_an_answer_that_overtakes_its_original_in_the_inbox_waits_for_it(either_office: Office) -> None:
    """Both wait in the inbox, the answer first: it lets the original go ahead, or one conversation would be two tickets."""
    office = either_office
    answer = office.receive(mail("Me too.", sender="bob@out.example", headers="In-Reply-To: <m1@mua>"))
    original = office.receive(mail("Printer dead.", cc="bob@out.example", message_id="m1@mua"))
    office.work()
    assert (office.row(original).state, office.row(answer).state) == ("done", "received")
    office.later(seconds=1)
    office.work()
    assert (office.row(answer).ticket, office.count()) == (1, 1)


def test_two_mails_that_wait_for_each_other_wait_no_longer_than_a_minute(office: Office) -> None:
    rows = [office.receive(mail(message_id=f"{one}@mua", headers=f"In-Reply-To: <{other}@mua>")) for one, other in ("ab", "ba")]
    office.work()
    assert [office.row(row).state for row in rows] == ["received", "received"]
    office.later(seconds=61)
    office.work()
    assert [office.row(row).state for row in rows] == ["done", "done"]


def test_a_stranger_who_mentions_our_conversation_does_not_carry_it_away(guarded: Office) -> None:
    """Mallory knows an id of Ann's ticket. His mail opens his own ticket; Bob's next answer still goes to Ann's."""
    guarded.post(aligned(mail("Printer dead.", cc="bob@out.example", message_id="m1@mua")))
    assert guarded.post(aligned(mail("Mine!", sender="mallory@out.example", headers="References: <m1@mua>"))).ticket == 2
    row = guarded.post(aligned(mail("Any news?", sender="bob@out.example", subject="x", headers="In-Reply-To: <m1@mua>")))
    assert row.ticket == 1
    assert told(guarded)[-1] == ("bob@out.example", "Any news?")


def test_a_forged_answer_does_not_carry_the_ids_of_another_ticket_into_its_own(guarded: Office) -> None:
    guarded.post(aligned(mail("Printer dead.", cc="bob@out.example", message_id="m1@mua")))
    guarded.post(aligned(mail("Screen dead.", sender="eve@out.example")))
    guarded.post(mail("more", sender="eve@out.example", subject="[MG-2]", headers="References: <m1@mua>"))
    row = guarded.post(aligned(mail("Any news?", sender="bob@out.example", subject="x", headers="In-Reply-To: <m1@mua>")))
    assert row.ticket == 1


# ------------------------------------------------------------------------------------------- clues that lead elsewhere


def test_the_strongest_of_several_clues_wins(office: Office) -> None:
    for subject in ("one", "two", "three", "four"):
        office.post(mail(subject=subject, message_id=f"{subject}@mua"))
    letters = [one for one in office.letters() if one.name == "acknowledgement"]
    parent, thread_id = letters[1]["Message-ID"], letters[2]["References"].split()[0]
    signed = letters[0].reply_to
    ladder = [
        (signed, f"In-Reply-To: {parent}\nReferences: <three@mua>", "[MG-4]", 1),
        ("desk@desk.example", f"In-Reply-To: {parent}\nReferences: <three@mua>", "[MG-4]", 2),
        ("desk@desk.example", f"References: <two@mua> {thread_id}", "[MG-4]", 3),
        ("desk@desk.example", "References: <three@mua>", "[MG-4]", 3),
        ("desk@desk.example", "References: <unknown@mua>", "[MG-4] [MG-1]", 4),
        ("desk@desk.example", "References: <unknown@mua>", "[MG-99] [MG-4]", 4),
    ]
    for to, headers, subject, ticket in ladder:
        assert office.post(mail(to=to, headers=headers, subject=subject)).ticket == ticket, (to, headers, subject)
    assert office.count() == 4


def test_the_tag_of_another_desk_is_no_clue_here(open_office: Callable[..., Office]) -> None:
    """Numbers are shared by all desks of a house: ticket 1 is the desk of human resources', and MG-1 does not exist."""
    office = open_office(further=(HUMAN_RESOURCES,))
    office.post(mail("Secret raise.", to="hr@desk.example"), to=["hr@desk.example"])
    assert office.ticket(1).desk == "Human Resources"
    for subject in ("[HR-1] hello", "[MG-1] hello"):
        assert office.post(mail(subject=subject)).ticket != 1
    assert len(office.story(1).messages) == 1
    assert office.post(mail("More.", subject="[HR-1] hello", to="hr@desk.example"), to=["hr@desk.example"]).ticket == 1


def test_ids_of_one_desk_lead_nowhere_at_another_but_its_signed_address_does(open_office: Callable[..., Office]) -> None:
    office = open_office(further=(HUMAN_RESOURCES,))
    office.post(mail(to="hr@desk.example", message_id="m1@mua"), to=["hr@desk.example"])
    letter = office.last("acknowledgement")
    for headers in ("References: <m1@mua>", f"In-Reply-To: {letter['Message-ID']}", f"References: {letter['References'].split()[0]}"):
        assert office.post(mail(headers=headers, subject="x")).ticket != 1
    here = office.post(mail("To both.", to="desk@desk.example", cc=letter.reply_to, subject="x"), to=["desk@desk.example", letter.reply_to])
    assert (here.ticket, office.row(here.id + 1).ticket) == (office.count(), 1)
    assert office.last("requester_replied")["From"] == "Human Resources <hr@desk.example>"


def test_the_token_of_somebody_else_proves_nothing_and_lends_no_name(office: Office) -> None:
    """Mallory was forwarded a letter to Ann and answers it: a clue, but no way into her ticket, and he is nobody but Mallory."""
    office.post(mail("Printer dead."))
    letter = office.last("acknowledgement")
    row = office.post(reply(letter, "accept", sender="mallory@out.example", name="Ann Other"))
    assert row.ticket == 2
    assert (office.ticket(2).requester, strength(office, 2)) == ("mallory@out.example", "claimed")
    assert len(office.story(1).messages) == 1


def test_a_confirmed_colleague_with_the_requesters_letter_is_no_more_than_himself(office: Office) -> None:
    """Bob is on the ticket, but Ann's letter is not his: what he writes is kept, unverified, and decides nothing."""
    office.post(mail("Printer dead.", cc="bob@out.example"))
    row = office.post(reply(office.last("acknowledgement"), "cancel", sender="bob@out.example"))
    said = office.story().messages[-1]
    assert (row.ticket, said.author, said.unverified, office.ticket().status) == (1, "bob@out.example", True, "New")


def test_a_signed_address_with_a_wrong_signature_is_no_clue(office: Office) -> None:
    """The plain number behind the plus sign, or one letter changed, is an address like any other."""
    office.post(mail())
    good = office.last("acknowledgement").reply_to
    mac = good.partition("@")[0].rpartition(".")[2]
    swapped = good.replace("+t.1.", "+t.2.")
    wrong = good.replace(mac, ("a" if mac[0] != "a" else "b") + mac[1:])
    for address in ("desk+1@desk.example", "desk+t.1@desk.example", "desk+t.1.@desk.example", swapped, wrong):
        assert office.post(mail(to=address, subject="x")).ticket != 1, address


def test_attack_002_a_predictable_address_with_a_number_leads_to_no_ticket(office: Office) -> None:
    office.post(mail("Printer dead."))
    row = office.post(mail("hi", sender="mallory@out.example", to="desk+1@desk.example", subject="x"))
    assert row.ticket == 2
    assert '"clue", "none"' in office.reason(row.id)


def test_a_mail_to_a_merged_ticket_goes_to_the_survivor(either_office: Office) -> None:
    office = either_office
    office.post(mail("Printer dead."))
    office.post(mail("Printer still dead."))
    letter = office.last("acknowledgement")
    office.merge(2, into=1)
    row = office.post(reply(letter, "Which of the two now?"))
    assert (row.ticket, office.count()) == (1, 2)
    assert told(office)[-1] == ("ann@out.example", "Which of the two now?")
    assert office.post(mail("By tag.", subject="[MG-2]")).ticket == 1
