"""From settings to a house that works: rules, keys and templates in one value. Whoever only reads the database does without."""

from __future__ import annotations

from mailgate.config.keys import load_keys
from mailgate.config.opening import instance
from mailgate.config.packaged import template_folders
from mailgate.config.settings import Settings
from mailgate.flow.house import House
from mailgate.mail.letters import Templates
from mailgate.store.engine import Store


def open_house(settings: Settings, store: Store | None) -> House:
    """Everything that the use cases go by. Without a store the instance has no name, which is enough for a dry run."""
    return House(
        settings.desks, settings.policy, settings.security, settings.people, load_keys(settings.key_file),
        Templates(template_folders(settings.templates)),
        instance(store) if store else "dry-run",
    )  # fmt: skip
