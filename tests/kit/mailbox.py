"""How is a gateway told to read a mailbox of a real server, and what can be seen of its work there from outside?"""

from __future__ import annotations

import json
from collections import Counter

from tests.kit.daemon import Gateway
from tests.kit.dovecot import PASSWORD, Dovecot
from tests.kit.traffic import mail

# The keyword that says that a mail is safe with a gateway.
DONE = "$MailgateDone"


def reads(gateway: Gateway, port: int, user: str = "alice", **more: str) -> Gateway:
    """Has the gateway fetch from this user's mailbox, everything in it."""
    secret = gateway.folder / f"{user}.secret"
    secret.write_text(more.pop("password", PASSWORD))
    secret.chmod(0o600)
    values = {"host": "localhost", "tls": "none", "user": user, "password_file": str(secret), "start_at": "all", **more}
    with (gateway.config / "mailgate.toml").open("a") as file:
        file.write(f"\n[[imap]]\nport = {port}\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    return gateway


def tickets(gateway: Gateway) -> Counter[str]:
    """How many tickets there are of each subject."""
    return Counter(one.subject for one in gateway.ledger.tickets())


def settled(gateway: Gateway, count: int) -> bool:
    """Whether there are so many tickets, and nothing is left to do."""
    return len(gateway.ledger.tickets()) == count and gateway.ledger.settled()


def opened(gateway: Gateway, count: int) -> bool:
    """Whether there are so many tickets, or more."""
    return len(gateway.ledger.tickets()) >= count


def subjects(*numbers: int) -> Counter[str]:
    """The tickets that there are to be of the mails with these numbers: one each."""
    return Counter(mail(number).subject for number in numbers)


def flagged(dovecot: Dovecot, user: str = "alice") -> list[bool]:
    """Of each mail in the user's inbox whether it bears our flag, by UID."""
    return [DONE in flags for _, flags in sorted(dovecot.flags(user).items())]


def flagged_without_row(gateway: Gateway) -> list[str]:
    """The mails that are flagged as safe and are not, as `audit --imap` names them; those that are yet to be fetched are none."""
    said = gateway.cli("audit", "--imap")
    assert said.returncode in (0, 1), said.stderr
    return [line for line in said.stdout.decode().splitlines() if "is flagged as safe and is not" in line or "has no inbox row" in line]
