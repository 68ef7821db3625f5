"""Everything that a decision goes by beside ticket and stimulus: the desk, its policy, what counts as proof, and who is who."""

from __future__ import annotations

from dataclasses import dataclass

from mailgate.desk.model import Address, Directory, Person, Role, Ticket
from mailgate.desk.policy import Desk, Policy, Security


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force for one desk at one moment."""

    desk: Desk
    policy: Policy
    security: Security
    people: Directory

    def first_team(self) -> str | None:
        """The team that owns a ticket which no rule gave to another."""
        return self.people.teams[0].name if self.people.teams else None

    def watchers(self, ticket: Ticket) -> tuple[Person, ...]:
        """Whom technicians' letters about this ticket go to: its assignee, else who is on duty for it."""
        assignee = self.people.find(ticket.assignee) if ticket.assignee else None
        if assignee is not None and assignee.staff:
            return (assignee,)
        return self.on_duty(ticket.team)

    def on_duty(self, team: str | None) -> tuple[Person, ...]:
        """Who hears of a ticket that nobody has: its team, else the owner, else whoever works here at all."""
        return self.people.members(team) or self.people.having(Role.OWNER) or self.people.having(Role.TECHNICIAN, Role.LEAD)

    def audience(self, ticket: Ticket, *, copies: bool) -> tuple[Address, ...]:
        """The addresses that a public letter goes to: the requester, and with `copies` each confirmed Cc; nobody who muted the ticket."""
        heard = [ticket.requester]
        if copies:
            heard += [one.address for one in ticket.participants if one.role == "cc" and one.confirmed]
        muted = {one.address for one in ticket.participants if one.muted}
        return tuple(dict.fromkeys(address for address in heard if address not in muted))
