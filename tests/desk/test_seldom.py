"""A pattern for what few mails bring is compiled when the first of them comes, and then answers as any other."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import walk_packages

import pytest

import mailgate
from mailgate.desk.seldom import Seldom, seldom


def test_it_is_compiled_once_and_not_before_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str | bytes] = []
    compile_ = re.compile
    monkeypatch.setattr(re, "compile", lambda source, flags: compiled.append(source) or compile_(source, flags))
    word = seldom("[a-z]+", re.I)
    assert compiled == []
    assert word.findall("Any word") == ["Any", "word"]
    assert word.sub("-", "Any word") == "- -"
    assert word.pattern == "[a-z]+"
    assert word.findall("again") == ["again"]
    assert compiled == ["[a-z]+"]


def test_octets_are_searched_too() -> None:
    assert seldom(rb"[\x80-\xff]+").findall(b"caf\xc3\xa9") == [b"\xc3\xa9"]


def test_each_pattern_of_the_house_can_be_compiled() -> None:
    # A migration, or what runs when it is imported, has none.
    names = [one.name for one in walk_packages(mailgate.__path__, "mailgate.")]
    modules = [import_module(one) for one in names if not one.startswith("mailgate.store.migrations") and not one.endswith("__main__")]
    patterns = [value for module in modules for value in vars(module).values() if type(value) is Seldom]
    assert len(patterns) > 60
    assert {type(one._pattern) for one in patterns} == {re.Pattern}
