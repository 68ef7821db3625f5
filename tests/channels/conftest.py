"""What the tests of the channels may ask for. What a fixture stands on is imported when it is asked for, not before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest


@pytest.fixture
async def smtp_gate() -> AsyncIterator[Callable[..., object]]:
    """Opens SMTP listeners: settings and limits by their names, at the end all is closed."""
    from mailgate.channels.smtp_in import Limits, Settings
    from tests.channels.smtp_peer import Gate

    gates: list[Gate] = []

    async def open_gate(limits: Limits | None = None, **settings: object) -> Gate:
        gate = Gate(Settings(**{"port": 0, "name": "mx.example.org", **settings}), limits or Limits())
        await gate.listener.start()
        gates.append(gate)
        return gate

    yield open_gate
    for gate in gates:
        for peer in gate.peers:
            await peer.close()
        await gate.listener.stop(grace=0)
