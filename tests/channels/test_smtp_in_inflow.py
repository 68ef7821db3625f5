"""What lies between the transport and the dialogue: is it bounded, and does nobody wait for what will not come?"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from mailgate.channels.smtp_inflow import Gone, Inflow


class Transport:
    """Remembers whether it may read."""

    def __init__(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def opened() -> tuple[Inflow, Transport]:
    inflow, transport = Inflow(asyncio.get_running_loop()), Transport()
    inflow.adopt(cast(Any, transport))
    return inflow, transport


async def test_a_peer_that_is_not_listened_to_is_not_read_on() -> None:
    inflow, transport = opened()
    while transport.reading and len(inflow.octets) < 2_000_000:
        inflow.feed(b"x" * 10_000)
    assert 100_000 < len(inflow.octets) < 200_000
    waiting = asyncio.create_task(inflow.more())
    await asyncio.sleep(0)
    assert transport.reading
    inflow.feed(b"x")
    await waiting


async def test_what_came_before_the_end_is_taken_first() -> None:
    inflow, _ = opened()
    waiting = asyncio.create_task(inflow.more())
    await asyncio.sleep(0)
    inflow.feed(b"QUIT\r\n")
    inflow.end()
    await waiting
    assert bytes(inflow.octets) == b"QUIT\r\n"
    with pytest.raises(Gone):
        await inflow.more()


async def test_whoever_waits_when_the_peer_ends_is_told() -> None:
    inflow, _ = opened()
    waiting = asyncio.create_task(inflow.more())
    await asyncio.sleep(0)
    inflow.end()
    with pytest.raises(Gone):
        await waiting


async def test_another_transport_begins_with_nothing() -> None:
    inflow, _ = opened()
    inflow.feed(b"x" * 1_000_000)
    second = Transport()
    inflow.adopt(cast(Any, second))
    assert not inflow.octets
    inflow.feed(b"x")
    assert second.reading
