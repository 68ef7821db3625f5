"""What does the desk know from before of what commands ask for? Facts that were looked up where a mail or an order may need them."""

from __future__ import annotations

from msgspec import Struct

from mailgate.desk.article import Origin
from mailgate.desk.assignment import Roster
from mailgate.desk.events import Event
from mailgate.desk.kin import NO_KIN, Kin
from mailgate.desk.macros import Macros


class Known(Struct, frozen=True):
    """The facts; each is empty where nothing asks for it.

    `story` are the ticket's events, oldest first, where one may be taken back. `kin` tells of other tickets. `macros` are those that the
    text names. `held` is the inbox row of the writer's answer that is held back. `origin` is what an article would be made of. `roster` is
    there where policy has tickets given to somebody.
    """

    story: tuple[Event, ...] = ()
    kin: Kin = NO_KIN
    macros: Macros = Macros()
    held: int | None = None
    origin: Origin | None = None
    roster: Roster | None = None


NOTHING_KNOWN = Known()
