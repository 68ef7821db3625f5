"""Alarm mails of monitoring systems are one ticket for each thing that they watch: from the first alarm to the mail that all is well."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.config.load import load
from mailgate.desk.model import Address, Directory, Person, Role, Team, TicketId
from mailgate.desk.policy import Desk
from mailgate.flow import operate
from tests.kit.office import TINA, TOM, Office, aligned, mail, read_receipt, reply, spoofed, with_header
from tests.stories.conftest import GUARDED

ICINGA = "icinga@mon.example"
POLICY = """
[[monitoring]]
name = "icinga"
like = "icinga"
when = { sender = "^icinga\\\\d?@|^ann@" }
[[monitoring]]
name = "ups"
key = "USV (\\\\S+) Raum (\\\\S+): "
recovered = ": Netz wieder da"
when = { headers = { X-Monitor = "usv" } }
[[category]]
name = "Database"
when = { source = "monitoring", subject = "db-2" }
impact = "high"
urgency = "high"
tags = ["db"]
"""
PROBLEM = "[PROBLEM] {what} is {how}!"
RECOVERY = "[RECOVERY] {what} is OK!"


@pytest.fixture
def watched(tmp_path: Path, open_office: Callable[..., Office]) -> Office:
    """A desk whose operator knows his monitoring, behind a border that checks senders."""
    return opened(tmp_path, open_office, security=GUARDED)


def opened(folder: Path, open_office: Callable[..., Office], **parts: object) -> Office:
    (folder / "policy.toml").write_text(POLICY)
    return open_office(policy=load(folder, {}).policy, **parts)


def alarm(what: str = "HTTP on web01", how: str = "CRITICAL", sender: str = ICINGA, **parts: str) -> bytes:
    """As Icinga writes it: no word about being a machine."""
    return aligned(
        mail("Info: connection refused", sender=sender, name="", subject=PROBLEM.format(what=what, how=how), **parts), "mon.example"
    )


def recovery(what: str = "HTTP on web01", sender: str = ICINGA) -> bytes:
    return aligned(mail("Info: HTTP OK", sender=sender, name="", subject=RECOVERY.format(what=what)), "mon.example")


def claimed(raw: bytes) -> bytes:
    """The same mail without a word of the border about its sender."""
    lines = raw.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"Authentication-Results"))


# What letters say of an alarm, by their note.
SAID = {
    "recovered": "reports that all is well again",
    "recurred": "reports the problem again",
    "worse": "reports that it has become worse",
    "persists": "still reports the problem",
    "undoable": "To take it back",
}


def heard(office: Office) -> list[tuple[str, str, str]]:
    return [(one.name, one.to, next((note for note, words in SAID.items() if words in one.text), "")) for one in office.letters()]


def told(name: str, note: str = "", *people: str) -> list[tuple[str, str, str]]:
    return [(name, one, note) for one in people or (TINA.address, TOM.address)]


def test_an_alarm_is_a_ticket_its_repetitions_are_added_and_the_recovery_resolves_it(watched: Office) -> None:
    watched.post(alarm())
    ticket = watched.ticket()
    assert (ticket.status, ticket.source, ticket.team, ticket.requester) == ("New", "monitoring", "first", ICINGA)
    assert heard(watched) == told("new_ticket")
    # Nobody thanks a machine, and it is reported once.
    for minutes in (5, 5, 5):
        watched.later(minutes=minutes)
        watched.post(alarm())
    assert heard(watched) == []
    assert watched.ticket().updated == watched.now
    assert len(watched.story().messages) == 4
    watched.later(minutes=5)
    watched.post(recovery())
    ticket = watched.ticket()
    assert (ticket.status, ticket.resolved) == ("Resolved by Event", watched.now)
    assert heard(watched) == told("requester_replied", "recovered")
    letter = watched.last("requester_replied", TINA.address)
    assert "HTTP OK" in letter.text
    assert "reports that all is well again" in letter.text
    assert watched.count() == 1
    assert [one.verb for one in watched.story().events] == ["open", "alarm", "alarm", "alarm", "recover"]


def test_the_same_in_german(watched: Office) -> None:
    watched.people = replace(watched.people, people=tuple(replace(one, language="de") for one in watched.people.people))
    watched.rebuild()

    def usv(text: str, subject: str) -> bytes:
        return mail(text, sender="usv@haus.example", name="USV", subject=f"USV 3 Raum E12: {subject}", headers="X-Monitor: USV")

    watched.post(usv("Batteriebetrieb.", "Netz ausgefallen"))
    watched.post(usv("Netzbetrieb.", "Netz wieder da"))
    assert watched.ticket().status == "Resolved by Event"
    assert watched.ticket().event_key == "ups\nusv@haus.example\n3 E12"
    letter = watched.last("requester_replied", TINA.address)
    assert "meldet, dass alles wieder in Ordnung ist" in letter.text
    assert "Das Ticket ist gelöst." in letter.text
    watched.post(usv("Batteriebetrieb.", "Netz ausgefallen"))
    assert "meldet das Problem erneut" in watched.last("requester_replied", TOM.address).text


def test_each_thing_that_is_watched_has_a_ticket_of_its_own_triaged_as_ever(watched: Office) -> None:
    watched.post(alarm("Disk on db-2"))
    watched.post(alarm("Disk on db-3"))
    assert [(watched.ticket(number).category, watched.ticket(number).priority) for number in (1, 2)] == [("Database", "P1"), (None, "P3")]
    watched.post(recovery("Disk on db-3"))
    assert [watched.ticket(number).status for number in (1, 2)] == ["New", "Resolved by Event"]


def test_a_technician_who_took_it_hears_that_it_is_over_and_nobody_else(watched: Office) -> None:
    watched.post(alarm())
    watched.post(aligned(reply(watched.last("new_ticket", TINA.address), "#take", name="Tina"), "desk.example"))
    watched.letters()
    watched.post(recovery())
    assert watched.ticket().status == "Resolved by Event"
    assert heard(watched) == told("requester_replied", "recovered", TINA.address)


def test_a_problem_that_comes_back_opens_its_ticket_again_and_once_closed_a_new_one(watched: Office) -> None:
    watched.post(alarm())
    watched.post(recovery())
    watched.later(hours=3)
    watched.letters()
    watched.post(alarm())
    ticket = watched.ticket()
    assert (ticket.status, ticket.reopened, ticket.resolved) == ("Analysis", 1, None)
    assert heard(watched) == told("requester_replied", "recurred")
    watched.post(recovery())
    # Nobody answers for a machine: after the usual time it is closed, and no letter of that goes anywhere.
    watched.letters()
    for _ in range(4):
        watched.later(days=4)
    assert watched.ticket().status == "Completed"
    assert heard(watched) == []
    watched.post(alarm())
    assert watched.ticket().status == "Completed"
    assert (watched.ticket(2).status, watched.ticket(2).links) == ("New", (TicketId(1),))
    watched.post(recovery())
    assert (watched.ticket(2).status, watched.count()) == ("Resolved by Event", 2)


def test_what_comes_and_goes_is_one_ticket_and_few_letters_and_told_if_it_stays(watched: Office) -> None:
    watched.post(alarm())
    for _ in range(12):
        watched.later(minutes=2)
        watched.post(recovery())
        watched.later(minutes=2)
        watched.post(alarm())
    assert (watched.count(), watched.ticket().status, watched.ticket().reopened) == (1, "Analysis", 12)
    notes = [note for _, to, note in heard(watched) if to == TINA.address]
    # At the first, second, fourth and eighth time.
    assert notes == ["", "recovered", "recurred", "recovered", "recurred", "recovered", "recurred", "recovered", "recurred", "recovered"]
    # The twelfth time was not told; now it stays, and that is told once, as is its end.
    for _ in range(4):
        watched.later(minutes=10)
        watched.post(alarm())
    assert heard(watched) == told("requester_replied", "persists")
    watched.post(recovery())
    assert heard(watched) == told("requester_replied", "recovered")


def test_what_gets_worse_is_told_and_what_gets_better_is_not(watched: Office) -> None:
    watched.post(alarm(how="WARNING"))
    watched.letters()
    watched.post(alarm(how="CRITICAL"))
    assert heard(watched) == told("requester_replied", "worse")
    for how in ("WARNING", "CRITICAL", "WARNING"):
        watched.post(alarm(how=how))
    assert heard(watched) == []
    assert watched.ticket().severity == "critical"


def test_a_recovery_of_what_nobody_reported_makes_nothing_and_is_kept_with_its_reason(watched: Office) -> None:
    row = watched.post(recovery())
    assert (row.state, row.reason, watched.count()) == ("ignored", "recovery-of-nothing", 0)
    watched.post(alarm())
    watched.post(recovery())
    watched.letters()
    for _ in range(2):
        watched.post(recovery())
    assert (watched.ticket().status, watched.count()) == ("Resolved by Event", 1)
    assert heard(watched) == []


def test_an_acknowledgement_or_a_word_about_flapping_opens_reopens_and_resolves_nothing(watched: Office) -> None:
    def remark(word: str) -> bytes:
        return aligned(mail("By admin", sender=ICINGA, subject=f"[{word}] HTTP on web01 is CRITICAL!"), "mon.example")

    assert watched.post(remark("ACKNOWLEDGEMENT")).state == "ignored"
    watched.post(alarm())
    watched.letters()
    watched.post(remark("ACKNOWLEDGEMENT"))
    assert (watched.ticket().status, len(watched.story().messages)) == ("New", 2)
    watched.post(recovery())
    watched.letters()
    watched.post(remark("FLAPPINGSTART"))
    assert (watched.ticket().status, heard(watched), watched.count()) == ("Resolved by Event", [], 1)


@pytest.mark.parametrize(
    "headers", ["Auto-Submitted: auto-generated", "Precedence: bulk", "List-Id: <mon.example>", "X-Spam-Flag: YES", ""]
)
def test_a_rule_makes_an_alarm_whatever_the_headers_say(watched: Office, headers: str) -> None:
    watched.post(alarm(headers=headers), sender="")
    assert watched.ticket().event_key == "icinga\n@mon.example\nHTTP on web01"


@pytest.mark.parametrize("headers", ["Auto-Submitted: auto-replied", "X-Autoreply: yes", "X-Mailgate-Loop: 0123456789abcdef.1"])
def test_an_automatic_answer_is_no_alarm(watched: Office, headers: str) -> None:
    assert watched.post(alarm(headers=headers)).state == "ignored"
    assert watched.count() == 0


def test_reports_are_no_alarms(watched: Office) -> None:
    watched.post(alarm())
    report = read_receipt(watched.last("new_ticket")).replace(b"Subject: Read: ", b"Subject: ")
    watched.post(report)
    assert [one.visibility for one in watched.story().messages][1:] in ([], ["hidden"])
    assert watched.ticket().status == "New"


def test_the_key_wins_over_the_tag_in_the_subject(watched: Office) -> None:
    watched.post(alarm("Disk on db-3"))
    watched.post(aligned(mail("x", sender=ICINGA, subject="[MG-1] [PROBLEM] Load on db-3 is CRITICAL!"), "mon.example"))
    assert watched.count() == 2


def test_what_a_human_answers_in_the_thread_is_no_alarm(watched: Office) -> None:
    """Ann gets the alarms too; the rule would take her mails, her subject has the key, and she is nobody's technician."""
    watched.post(alarm())
    letter = watched.last("new_ticket", TINA.address)
    watched.post(
        aligned(mail("Is that the shop?", sender="ann@mon.example", subject="Re: [PROBLEM] HTTP on web01 is CRITICAL!"), "mon.example")
    )
    assert watched.ticket(2).source == "mail"
    # A technician's answer to our letter is about the ticket, and reaches nobody outside: there is nobody.
    watched.letters()
    watched.post(aligned(reply(letter, "#resolve Restarted.", name="Tina"), "desk.example"))
    assert watched.ticket().status == "Waiting for Closure"
    assert heard(watched) == [("receipt", TINA.address, "undoable")]
    # Solved by hand, it counts as solved for the monitoring too.
    watched.post(recovery())
    assert watched.ticket().status == "Waiting for Closure"
    watched.post(alarm())
    assert watched.ticket().status == "Analysis"


def test_a_mail_of_a_technician_is_no_alarm_whatever_its_subject(watched: Office) -> None:
    watched.post(aligned(mail("Please look.", sender=TINA.address, subject="[PROBLEM] HTTP on web01 is CRITICAL!"), "desk.example"))
    assert watched.ticket().event_key is None


# --------------------------------------------------------------------------------------------------------- who may drive it


def test_whoever_only_claims_to_be_the_monitoring_is_kept_as_such_and_ends_nothing(watched: Office) -> None:
    watched.post(alarm())
    watched.letters()
    row = watched.post(claimed(recovery()))
    assert (watched.ticket().status, heard(watched)) == ("New", [])
    assert watched.story().messages[-1].unverified
    assert "only claims" in (row.trail or "")


def test_another_sender_who_is_not_proven_has_tickets_of_his_own(watched: Office) -> None:
    watched.post(claimed(alarm()))
    watched.post(claimed(recovery(sender="icinga2@mon.example")))
    assert watched.ticket().status == "New"
    watched.post(claimed(alarm(sender="icinga2@mon.example")))
    watched.post(claimed(recovery(sender="icinga2@mon.example")))
    assert [watched.ticket(number).status for number in (1, 2)] == ["New", "Resolved by Event"]
    # The same sender may end what he began, proven or not; proven, another gateway of his domain may as well.
    watched.post(claimed(recovery()))
    assert watched.ticket(1).status == "Resolved by Event"
    watched.post(alarm("Load on web02"))
    watched.post(recovery("Load on web02", sender="icinga2@mon.example"))
    assert watched.ticket(3).status == "Resolved by Event"
    # Proven meanwhile.
    watched.post(claimed(alarm("Load on web03")))
    watched.post(recovery("Load on web03"))
    assert (watched.ticket(4).status, watched.count()) == ("Resolved by Event", 4)


def test_a_forged_alarm_is_held_as_always(watched: Office) -> None:
    watched.post(alarm())
    row = watched.post(spoofed(claimed(recovery()), "mon.example"))
    assert (row.state, watched.ticket().status) == ("held", "New")


def test_an_alarm_touches_no_ticket_that_no_alarm_opened(watched: Office) -> None:
    watched.post(aligned(mail(subject="[problem] HTTP on web01 is down", sender="bob@out.example")))
    watched.post(recovery())
    assert (watched.ticket(1).status, watched.ticket(1).event_key) == ("New", None)


def test_where_nobody_is_proven_the_address_has_to_do(tmp_path: Path, open_office: Callable[..., Office]) -> None:
    office = opened(tmp_path, open_office)
    office.post(claimed(alarm()))
    office.post(claimed(recovery()))
    assert office.ticket().status == "Resolved by Event"


# ------------------------------------------------------------------------------------------------------ merged, given, erased


def test_an_alarm_for_a_ticket_that_was_merged_is_told_to_its_survivor_and_ends_nothing(watched: Office) -> None:
    watched.post(aligned(mail("The shop is slow.", subject="Shop")))
    watched.post(alarm())
    watched.merge(2, into=1)
    watched.post(alarm())
    watched.post(recovery())
    assert (watched.ticket(1).status, watched.count()) == ("New", 2)
    assert [one.visibility for one in watched.story(1).messages if one.ticket == 1] == ["public", "internal", "internal"]


def test_a_human_who_was_made_the_requester_hears_of_the_ticket_and_the_monitoring_never(watched: Office) -> None:
    watched.post(alarm())
    operate.order(watched.store, watched.house, TicketId(1), "#requester ann@out.example", None, watched.now)
    operate.order(watched.store, watched.house, TicketId(1), "#resolve Restarted.", None, watched.now)
    assert [one.to for one in watched.letters() if one.name == "resolved"] == ["ann@out.example"]
    assert all(one.to != ICINGA for one in watched.everything_sent())


def test_an_alarm_of_an_unreadable_mail_is_an_unreadable_mail(watched: Office) -> None:
    hostile = alarm().replace(b"Content-Type: text/plain", b"Content-Type: multipart/mixed")
    deep = hostile.replace(b"charset=utf-8", b'boundary="b0"', 1)
    for level in range(200):
        deep += f'--b{level}\r\nContent-Type: multipart/mixed; boundary="b{level + 1}"\r\n\r\n'.encode()
    assert watched.post(deep).state == "quarantined"
    assert watched.ticket().event_key is None


def test_on_either_database_one_key_is_one_ticket(store_url: str, tmp_path: Path, open_office: Callable[..., Office]) -> None:
    office = opened(tmp_path, open_office, url=store_url, security=GUARDED)
    for _ in range(3):
        office.post(alarm())
        office.post(alarm())
        office.post(recovery())
    assert (office.count(), office.ticket().reopened) == (1, 2)
    operate.order(office.store, office.house, TicketId(1), "#close", None, office.now)
    office.post(alarm())
    assert office.ticket(2).links == (TicketId(1),)


def test_two_gateways_at_once_open_one_ticket(store_url: str, tmp_path: Path, open_office: Callable[..., Office]) -> None:
    """Each claims half of the mails, and all of them are the first alarm of the same key."""
    office = opened(tmp_path, open_office, url=store_url, security=GUARDED)
    rows = [office.receive(with_header(alarm(), f"X-Number: {number}")) for number in range(24)]
    workers = [replace(office.worker, owner=f"gateway{number}") for number in range(3)]
    together = threading.Barrier(len(workers))

    def work(number: int) -> None:
        together.wait()
        for _ in range(20):
            workers[number].run()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    office.later(minutes=2)
    office.work()
    assert {office.row(row).state for row in rows} == {"done"}
    assert office.count() == 1
    assert len(office.story().messages) == len(rows)
    with office.store.look() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM alarms").scalar_one() == 1


def test_explain_says_which_rule_and_which_key(watched: Office) -> None:
    row = watched.post(alarm())
    assert '["monitoring", "icinga", "problem of HTTP on web01"]' in (row.trail or "")
    again = watched.post(recovery())
    assert '["monitoring", "icinga", "recovery of HTTP on web01, ticket 1"]' in (again.trail or "")
    assert Address(ICINGA) == watched.ticket().requester


def test_a_ticket_that_was_moved_to_another_desk_is_found_there(tmp_path: Path, open_office: Callable[..., Office]) -> None:
    first, second = (
        Desk("IT", Address("desk@desk.example"), teams=("first",)),
        Desk("Web", Address("web@desk.example"), tag="WEB", teams=("web",)),
    )
    willy = Person(Address("willy@desk.example"), "Willy", Role.TECHNICIAN, team="web")
    people = Directory((TINA, TOM, willy), (Team("first"), Team("web")))
    office = opened(tmp_path, open_office, desk=first, further=(second,), people=people, security=GUARDED)
    office.post(alarm())
    operate.order(office.store, office.house, TicketId(1), "#desk Web", None, office.now)
    office.letters()
    office.post(recovery())
    assert (office.ticket().desk, office.ticket().status, office.count()) == ("Web", "Resolved by Event", 1)
    assert heard(office) == told("requester_replied", "recovered", willy.address)
    assert "[WEB-1]" in office.last("requester_replied").subject
