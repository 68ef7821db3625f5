"""What does the database get to hear? Every statement with its values, whoever runs it: SQLAlchemy or the driver."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from mailgate.store import statement
from mailgate.store.engine import Store, Tx, driven


def watched(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """From now on every statement on this store's own connections, in their order; the list grows."""
    ran: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, sql: str, values: Any, _context: object, many: bool) -> None:
        ran.append((sql, values[0] if many else values))

    def noted(tx: Tx, sql: str, values: Any = (), *, many: bool = False) -> Any:
        ran.append((sql, values[0] if many else values))
        return driven(tx, sql, values, many=many)

    event.listen(store.engine(), "before_cursor_execute", note)
    monkeypatch.setattr(statement, "driven", noted)
    return ran
