"""Which kinds of values do the tables hold? Aware times, text that both databases can keep, and keys that they number by themselves."""

from __future__ import annotations

from collections.abc import Callable
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

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], object]:
        """To the database. Raises ValueError for a naive time."""
        return _microseconds if dialect.name == "sqlite" else _aware

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """From the database, aware and in UTC."""
        if isinstance(value, datetime):
            return value.astimezone(_UTC)
        return _EPOCH + timedelta(microseconds=int(value)) if isinstance(value, int) else None


def storable(text: str) -> str:
    """The text as both databases can keep it: without NUL, and with `?` for half of a surrogate pair. What a mail says may hold either."""
    # Nearly every text is storable as it is. The word of an enumeration becomes a plain one: of all else drivers ask what to make of it.
    if type(text) is str and text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


class Text(TypeDecorator[str]):
    """Text of any length. The one gate through which all text passes into the database."""

    impl = _Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """To the database, made storable."""
        return _stored


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a naive time would be guessed at")
    return moment


def _microseconds(moment: datetime | None) -> int | None:
    aware = _aware(moment)
    return None if aware is None else (aware - _EPOCH) // _MICROSECOND


def _stored(value: str | None) -> str | None:
    return None if value is None else storable(value)


Key = BigInteger().with_variant(Integer, "sqlite")
