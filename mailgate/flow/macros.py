"""Which macros does a technician ask for, and how do they read about his ticket? Looked up and rendered only where one is asked for."""

from __future__ import annotations

from collections.abc import Callable

from mailgate.desk import commands, macros
from mailgate.desk.macros import Macro, Macros
from mailgate.desk.model import Address, Person, Ticket, TicketId
from mailgate.desk.rules import Rules
from mailgate.desk.workflow import Grammar
from mailgate.flow import post
from mailgate.flow.house import House

# What somebody who writes to a ticket calls himself.
Named = Callable[[TicketId, Address], str]


def asked(house: House, rules: Rules, ticket: Ticket, person: Person, text: str, named: Named) -> Macros:
    """The macros that `text` asks for, in the requester's language and this person's name; none where it asks for none."""
    synonyms = rules.policy.verbs_by_word
    if not commands.may_name(text, synonyms, "macro"):
        return Macros()
    names = house.templates.of(rules.desk.slug).canned.names()
    read = commands.read(text, Grammar.TECHNICIAN, bare=False, synonyms=synonyms, own=rules.policy.statuses)
    wanted = dict.fromkeys(macros.called(one.args, names) for one in read.commands if one.verb == "macro")
    called = named(ticket.id, ticket.requester) if any(wanted) else ""
    return Macros(names, tuple(_rendered(house, rules, ticket, name, person, called) for name in wanted if name))


def _rendered(house: House, rules: Rules, ticket: Ticket, name: str, person: Person, called: str) -> Macro:
    try:
        return post.canned(house, rules, ticket, name, person, called)
    except Exception as error:
        # A template can raise anything that an expression can. Its user hears of it, and so does whoever reads the log.
        from mailgate.flow import journal

        journal.trouble(f"macro {name}", error)
        return Macro(name, broken=True)
