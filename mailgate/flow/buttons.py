"""At which addresses is a held mail decided about with one tap? Each is signed for one person and one mail; an empty mail to it does."""

from __future__ import annotations

from urllib.parse import quote

from mailgate.desk import tokens
from mailgate.desk.letters import Held, HeldMail
from mailgate.desk.model import Address
from mailgate.desk.policy import Desk
from mailgate.desk.tokens import Keyring
from mailgate.mail.summed import HeldMailView, HeldView


def shown_held(keyring: Keyring, desk: Desk, held: Held, person: Address) -> HeldView:
    """The mails as this person's letter shows them."""
    return HeldView(tuple(_shown(keyring, desk, one, person) for one in held.mails), held.more, sum(one.fresh for one in held.mails))


def _shown(keyring: Keyring, desk: Desk, one: HeldMail, person: Address) -> HeldMailView:
    release, drop, block = (held_link(keyring, desk, verb, one.row, person) for verb in ("release", "drop", "block"))
    # The number is typed behind what stands there already.
    attach = f"{held_link(keyring, desk, 'attach', one.row, person)}&body={quote(f'Ticket: {desk.tag}-')}"
    tag = f"{desk.tag}-{one.ticket}" if one.ticket else ""
    return HeldMailView(
        one.row, one.why, one.sender, one.subject, one.at, one.size, one.envelope, one.fresh, one.read, tag, release, attach, drop,
        block if one.sender else None,
    )  # fmt: skip


def held_link(keyring: Keyring, desk: Desk, verb: str, row: int, person: Address) -> str:
    """A mailto URL: the token in the address, or in the subject where the mail server knows no sub-addresses."""
    mark = tokens.held_mark(keyring, verb, row, person)
    local, _, host = desk.address.rpartition("@")
    if desk.subaddress:
        return f"mailto:{quote(local + desk.subaddress, safe='+')}{mark}@{host}?subject={verb}%20{row}"
    return f"mailto:{quote(local)}@{host}?subject={mark}"
