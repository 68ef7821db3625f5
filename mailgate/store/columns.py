"""Which kinds of values do the tables hold? Aware times, text that both databases can keep, and keys that they number by themselves."""

from __future__ import annotations

from datetime import UTC as _UTC
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, TypeDecorator
from sqlalchemy import Text as _Text
from sqlalchemy.types import TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware UTC time: timestamptz on PostgreSQL, microseconds since 1970 on SQLite, which knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """The column type of this database."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))  # type: ignore[arg-type]

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """To the database. Raises ValueError for a naive time."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive time would be guessed at")
        return (value - _EPOCH) // _MICROSECOND if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """From the database, aware and in UTC."""
        if isinstance(value, datetime):
            return value.astimezone(_UTC)
        return _EPOCH + timedelta(microseconds=int(value)) if isinstance(value, int) else None


def storable(text: str) -> str:
    """The text as both databases can keep it: without NUL, and with `?` for half of a surrogate pair. What a mail says may hold either."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


class Text(TypeDecorator[str]):
    """Text of any length. The one gate through which all text passes into the database."""

    impl = _Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database, made storable."""
        # Nearly every text is: asked here, since each mail brings a hundred.
        return value if value is None or (value.isascii() and "\0" not in value) else storable(value)


Key = BigInteger().with_variant(Integer, "sqlite")
