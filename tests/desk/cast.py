"""Who plays in the tests of the rules: a desk with two teams, a requester, people in copy, and a ticket between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from mailgate.desk.kin import Kin, Part
from mailgate.desk.known import Known
from mailgate.desk.letters import Name
from mailgate.desk.model import Address, Directory, Participant, Person, Role, State, Status, Strength, Team, Ticket, TicketId
from mailgate.desk.policy import Desk, Policy, Security
from mailgate.desk.rules import Rules
from mailgate.desk.stimuli import Wrote
from mailgate.desk.workflow import STATES

OPENED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = OPENED + timedelta(hours=1)

ANN = Person(Address("ann@out.example"), "Ann Other")
BOB = Person(Address("bob@out.example"), "Bob Copied")
EVE = Person(Address("eve@out.example"), "Eve Named")
STRANGER = Person(Address("stranger@else.example"))
TINA = Person(Address("tina@desk.example"), "Tina Turner", Role.TECHNICIAN, aliases=(Address("tt@desk.example"),), team="first")
TOM = Person(Address("tom@desk.example"), "Tom Thumb", Role.TECHNICIAN, team="first")
LEA = Person(Address("lea@desk.example"), "Lea Leader", Role.LEAD, team="first")
SUE = Person(Address("sue@desk.example"), "Sue Second", Role.TECHNICIAN, team="second")
MAX = Person(Address("max@desk.example"), "Max Manager", Role.MANAGER)
ALF = Person(Address("alf@desk.example"), "Alf Approver", Role.APPROVER)
OLGA = Person(Address("olga@desk.example"), "Olga Owner", Role.OWNER)

PEOPLE = Directory((TINA, TOM, LEA, SUE, MAX, ALF, OLGA), (Team("first"), Team("second", 2)))
DESK = Desk(address=Address("desk@desk.example"), aliases=(Address("help@desk.example"),))
# Where nobody works but the owner, and everything is confidential.
HR = Desk("Human Resources", Address("hr@desk.example"), tag="HR", teams=(), confidential=True)
RULES = Rules(DESK, Policy(), Security(), PEOPLE, (DESK, HR))
# The same desk behind a border that writes Authentication-Results.
STRICT = replace(RULES, security=Security(authserv_ids=("mx.desk.example",)))

REQUESTER_SIDE = frozenset({
    Name.ACKNOWLEDGEMENT, Name.REPLY, Name.QUESTION, Name.RESOLVED, Name.REOPENED, Name.REMINDER, Name.CLOSING_SOON, Name.CLOSED,
})  # fmt: skip


def ticket(status: Status = Status.NEW, **fields: Any) -> Ticket:
    """Ann's ticket of the first team; Bob is a confirmed Cc, Eve one whom nobody confirmed."""
    people = (Participant(ANN.address, "requester"), Participant(BOB.address, "cc"), Participant(EVE.address, "cc", confirmed=False))
    resolved = OPENED if STATES[status] is State.RESOLVED else None
    plain = Ticket(
        TicketId(1042), DESK.name, "Printer is dead", ANN.address, OPENED, OPENED, OPENED, status,
        team="first", participants=people, resolved=resolved,
    )  # fmt: skip
    return replace(plain, **fields)


# Another ticket of Ann's, and a message of hers that could be a ticket of its own.
OTHER = replace(ticket(), id=TicketId(1041))
KIN = Kin((OTHER,), OTHER.id, parts=(Part(17, ANN.address, ANN.name, "And my phone is dead, too.", OPENED, Strength.TOKEN),))


def wrote(person: Person, text: str, strength: Strength = Strength.TOKEN, **fields: Any) -> Wrote:
    """A mail of this person. Whoever is aligned is so, whoever shows a token is so unless told otherwise."""
    aligned = strength in (Strength.ALIGNED, Strength.TOKEN)
    mail = Wrote(person, person.address, strength, aligned, DESK.name, "Printer is dead", text, f"{text}\n> quoted", known=Known(kin=KIN))
    return replace(mail, **fields)
