"""What does this installation go by? Everything that the use cases need and that does not change from mail to mail, handed in once."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from mailgate.desk.model import Address, Directory, fold_address
from mailgate.desk.policy import Desk, Policy, Security
from mailgate.desk.rules import Rules
from mailgate.desk.tokens import Keyring, subaddress
from mailgate.mail.letters import Templates


class House(Struct, frozen=True):
    """Desks, rules, keys and templates. `people` are those of people.toml; who was added by hand is looked up in each transaction.

    `instance` is the random name of this installation, which marks its letters against loops.
    """

    desks: tuple[Desk, ...]
    policy: Policy
    security: Security
    people: Directory
    keyring: Keyring
    templates: Templates
    instance: str

    @property
    def own_addresses(self) -> frozenset[Address]:
        """Every address at which a desk is written to, without sub-addresses."""
        return frozenset(address for desk in self.desks for address in desk.addresses)

    @property
    def own_domains(self) -> frozenset[str]:
        """The domains of our desks, folded."""
        return frozenset(address.rpartition("@")[2] for address in self.own_addresses)

    def desk(self, name: str) -> Desk:
        """The desk of that name; the first one where it is no more."""
        return next((desk for desk in self.desks if desk.name == name), self.desks[0])

    def detail(self, recipient: str) -> tuple[Desk, str] | None:
        """The desk that a recipient address belongs to and what stands behind its sub-address sign ("" for the bare address)."""
        local, _, domain = fold_address(recipient).rpartition("@")
        for desk in self.desks:
            for address in desk.addresses:
                base, _, own_domain = address.rpartition("@")
                if domain != own_domain:
                    continue
                if local == base:
                    return desk, ""
                behind = subaddress(local, base, desk.subaddress)
                if behind is not None:
                    return desk, behind
        return None

    def desks_of(self, recipients: Iterable[str]) -> tuple[Desk, ...]:
        """Every desk that one of these recipients belongs to, in the order of the configuration."""
        found = {one[0].name for one in map(self.detail, recipients) if one}
        return tuple(desk for desk in self.desks if desk.name in found)

    def rules(self, desk: str, people: Directory) -> Rules:
        """The rules of one desk, with everybody as they are in this transaction."""
        return Rules(self.desk(desk), self.policy, self.security, people, self.desks)
