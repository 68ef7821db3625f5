"""The dry run behind `explain`: opens no more than there is, so that it starts at once where nothing is set up."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailgate.cli.opened import now, settings
from mailgate.config.packaged import template_folders
from mailgate.config.settings import Settings
from mailgate.desk.tokens import Keyring
from mailgate.flow.explain import Explanation, NothingKnown, explain
from mailgate.flow.house import House
from mailgate.flow.records import Records
from mailgate.mail.isolate import Died, Parser
from mailgate.mail.letters import Templates
from mailgate.mail.parsed import ParsedMail

_TOGETHER = 20
# Seconds that a mail may be read for; whoever waits for the answer is a person.
_PATIENCE = 1.4


def explained(
    config: Path | None, mails: Iterator[tuple[str, bytes]], sender: str | None, parser: Parser
) -> Iterator[tuple[str, Explanation]]:
    """Each mail with its explanation, as they come. Never raises on a mail."""
    known = settings(config)
    with _records(known) as (house, records):
        # Everything is there now, and stays. What the mails leave behind is searched again.
        gc.freeze()
        gc.enable()
        for batch in _batches(mails):
            read = parser.parse_all([raw for _, raw in batch], _PATIENCE)
            for (source, raw), mail in zip(batch, read, strict=True):
                yield source, explain(house, records, raw, _readable(raw, mail), now(), sender=sender)


def _readable(raw: bytes, mail: ParsedMail | Died) -> ParsedMail:
    if not isinstance(mail, Died):
        return mail
    # Only a mail that killed its reader is looked at here, and no deeper than its header.
    from mailgate.mail.parse import unreadable

    return unreadable(raw, mail.reason)


def _batches(mails: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    # The first mail is answered without waiting for others.
    batch: list[tuple[str, bytes]] = []
    room = 1
    for mail in mails:
        batch.append(mail)
        if len(batch) >= room:
            yield batch
            batch, room = [], _TOGETHER
    if batch:
        yield batch


@contextmanager
def _records(known: Settings) -> Iterator[tuple[House, Records]]:
    database = known.store.url.removeprefix("sqlite:///")
    if known.store.url.startswith("sqlite") and not Path(database).exists():
        yield house_of(known), NothingKnown(known.people)
        return
    from mailgate.config.opening import connect
    from mailgate.store.migrate import HEAD, current
    from mailgate.store.people import directory
    from mailgate.store.records import Records as Stored

    store = connect(known)
    try:
        with store.look() as tx:
            house = house_of(known)
            yield house, Stored(tx, directory(tx, house.people), lock=False) if current(tx) == HEAD else NothingKnown(house.people)
    finally:
        store.close()


def house_of(known: Settings) -> House:
    """The house for a dry run. Where there is no key yet none is made: then nothing can be signed for us either."""
    from mailgate.config.keys import load_keys

    keyring = load_keys(known.key_file) if known.key_file.exists() else Keyring((bytes(32),))
    return House(known.desks, known.policy, known.security, known.people, keyring, Templates(template_folders(known.templates)), "dry-run")
