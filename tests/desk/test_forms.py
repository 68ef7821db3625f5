from __future__ import annotations

import pytest

from mailgate.desk import forms
from mailgate.desk.tokens import Keyring

KEYS = Keyring((b"k" * 32,))
SECRET, OTHER = "A" * 43, "B" * 43


@pytest.mark.parametrize(
    ("keyring", "secret", "path", "session", "good"),
    [
        (KEYS, SECRET, "/ticket/1", "", True),
        (Keyring((b"n" * 32, *KEYS.keys)), SECRET, "/ticket/1", "", True),
        (Keyring((b"n" * 32,)), SECRET, "/ticket/1", "", False),
        (KEYS, OTHER, "/ticket/1", "", False),
        (KEYS, SECRET, "/ticket/2", "", False),
        (KEYS, SECRET, "/ticket/1", "somebody", False),
        (KEYS, "", "/ticket/1", "", False),
    ],
)
def test_a_form_is_good_for_one_browser_page_and_session(keyring: Keyring, secret: str, path: str, session: str, *, good: bool) -> None:
    given = forms.proof(KEYS, SECRET, "/ticket/1")
    assert len(given) == 64
    assert forms.proven(keyring, secret, path, given, session) is good
    assert not forms.proven(keyring, secret, path, "", session)


@pytest.mark.parametrize("secret", ["", "A" * 42, "A" * 44, "A" * 42 + ";", "A" * 42 + "ä"])
def test_what_is_no_secret_of_ours_proves_nothing_even_with_its_own_field(secret: str) -> None:
    assert not forms.sound(secret)
    assert not forms.proven(KEYS, secret, "/ticket/1", forms.proof(KEYS, secret, "/ticket/1"))


def test_each_page_has_a_cookie_of_its_own() -> None:
    assert forms.cookie("/ticket/1") != forms.cookie("/ticket/2")
    assert forms.cookie("/ticket/1").startswith(forms.COOKIE)
