"""Offices with pages: a desk that the world knows under an address, and its front door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from msgspec.structs import replace

from tests.kit.browser import Chromium
from tests.kit.frontdoor import Frontdoor
from tests.kit.office import DESK, Office
from tests.stories.conftest import open_office as open_office

ONLINE = replace(DESK, public_url="https://desk.example")


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    """A desk with pages."""
    return open_office(desk=ONLINE)


@pytest.fixture
def frontdoor() -> Iterator[Callable[..., Frontdoor]]:
    """Opens the door of an office."""
    with ExitStack() as stack:
        yield lambda office, settings=None: stack.enter_context(Frontdoor(office, settings))


@pytest.fixture
def door(office: Office, frontdoor: Callable[..., Frontdoor]) -> Frontdoor:
    """The door of the office of this test."""
    return frontdoor(office)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """The browser of this run. Its pictures stay in the tests' temporary folder."""
    browser = Chromium(tmp_path_factory.mktemp("screens"))
    yield browser
    browser.close()
