"""Everything that a decision goes by beside ticket and stimulus: the desk, its policy, what counts as proof, and who is who."""

from __future__ import annotations

from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from mailgate.desk.absence import absent, local, stand_in
from mailgate.desk.model import Address, Directory, Person, Role, Team, Ticket
from mailgate.desk.policy import Desk, Policy, Security


class Rules(Struct, frozen=True):
    """The rules in force for one desk at one moment. `desks` are all desks of the house; none are given where there is no other one."""

    desk: Desk
    policy: Policy
    security: Security
    people: Directory
    desks: tuple[Desk, ...] = ()

    def at(self, desk: str) -> Rules:
        """The same rules for the desk of that name; for the present one where there is no such desk."""
        there = next((one for one in self.desks if one.name == desk), self.desk)
        return self if there is self.desk else replace(self, desk=there)

    def is_own(self, address: Address) -> bool:
        """Whether a desk of the house is written to at this address."""
        return any(address in desk.addresses for desk in self.desks or (self.desk,))

    @property
    def teams(self) -> tuple[Team, ...]:
        """The teams that work at this desk, the one that owns its new tickets first."""
        if self.desk.teams is None:
            others = self._of_others()
            return tuple(team for team in self.people.teams if team.name not in others)
        found = (self.people.team(name) for name in self.desk.teams)
        return tuple(team for team in found if team is not None)

    def _of_others(self) -> frozenset[str]:
        """The teams that some desk names as its own; a desk that names none has all the others."""
        return frozenset(name for desk in self.desks for name in desk.teams or ())

    def serves(self, person: Person) -> bool:
        """Whether somebody works at this desk: technicians and leads of its teams, and whoever leads one of them."""
        if not person.staff:
            return False
        if self.desk.teams is None:
            return person.team not in self._of_others()
        return person.team in self.desk.teams or any(team.lead in person.addresses for team in self.teams)

    def works_on(self, person: Person, ticket: Ticket) -> bool:
        """Whether somebody works on this ticket: at its desk, in the team that it was given to, or because it was given to him."""
        if not person.staff:
            return False
        return self.serves(person) or ticket.assignee in person.addresses or (ticket.team is not None and person.team == ticket.team)

    def first_team(self) -> str | None:
        """The team that owns a ticket which no rule gave to another."""
        return next((team.name for team in self.teams), None)

    def watchers(self, ticket: Ticket, now: datetime | None = None) -> tuple[Person, ...]:
        """Whom technicians' letters about this ticket go to: its assignee, who stands in for him, or who is on duty for it.

        Without `now` nobody counts as away.
        """
        assignee = self.people.find(ticket.assignee) if ticket.assignee else None
        if assignee is None or not assignee.staff:
            return self.on_duty(ticket.team, now)
        if now is None or not self._away(assignee, now):
            return (assignee,)
        delegate = self.stand_in(assignee, local(assignee, self.desk.timezone, now).date())
        return (delegate,) if delegate else self.on_duty(ticket.team, now)

    def on_duty(self, team: str | None, now: datetime | None = None) -> tuple[Person, ...]:
        """Who hears of a ticket that nobody has: its team, else the owner, else whoever works here at all; save those who are away.

        Where all are away all hear of it.
        """
        people = self.people.members(team) or self.people.having(Role.OWNER)
        people = people or tuple(person for person in self.people.having(Role.TECHNICIAN, Role.LEAD) if self.serves(person))
        return tuple(person for person in people if now is None or not self._away(person, now)) or people

    def stand_in(self, person: Person, today: date) -> Person | None:
        """Who works here for somebody who is away on this day, as people.toml names him. Nobody of another desk does."""
        found = stand_in(person, self.people, today)
        return found if found is not None and self.serves(found) else None

    def _away(self, person: Person, now: datetime) -> bool:
        # Most have never been away.
        return bool(person.away or person.said) and absent(person, local(person, self.desk.timezone, now).date())

    def keepers(self) -> tuple[Person, ...]:
        """Who hears of mails to this desk that were put aside, and decides about them: the owners, else the leads who work here."""
        return self.people.having(Role.OWNER) or tuple(person for person in self.people.having(Role.LEAD) if self.serves(person))

    def audience(self, ticket: Ticket, *, copies: bool) -> tuple[Address, ...]:
        """The addresses that a public letter goes to: the requester, and with `copies` each confirmed Cc; nobody who muted the ticket.

        Each person once, whatever addresses of his are on the ticket.
        """
        heard = [ticket.requester]
        if copies:
            heard += [one.address for one in ticket.participants if one.role == "cc" and one.confirmed]
        muted = {self.people.person(one.address).address for one in ticket.participants if one.muted}
        told: dict[Address, Address] = {}
        for address in heard:
            person = self.people.person(address).address
            told[person] = person if person in heard else told.get(person, address)
        return tuple(address for person, address in told.items() if person not in muted)
