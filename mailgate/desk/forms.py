"""Did this form come from our page, and from the browser to which we gave it? A cookie and a field of the form prove it together.

The cookie is a random secret of one browser; the field is made of it, of our key, of the address of the page and of the session that
somebody has come in with. Another site knows neither, so that it can have nobody's browser act here. Nor can a neighbour below the same
domain who plants a cookie of his own: the form that he was shown was for nobody who had come in.
"""

from __future__ import annotations

import hmac

from mailgate.desk.tokens import Keyring

# The field of every form, and with what the name of every such cookie begins.
FIELD, COOKIE = "proof", "mg"
_SECRET = 43


def cookie(path: str) -> str:
    """The name of the cookie for the page at this path: each page has its own, whatever the folder that a browser keeps it for."""
    return COOKIE + hmac.digest(b"", path.encode(), "sha256").hex()[:10]


def sound(secret: str) -> bool:
    """Whether this can be a secret of ours, so that it may be used again."""
    return len(secret) == _SECRET and secret.isascii() and secret.replace("-", "").replace("_", "").isalnum()


def proof(keyring: Keyring, secret: str, path: str, session: str = "") -> str:
    """What the form of the page at this path carries for the browser with that secret, and that session if any: 256 bits in hex."""
    return _proof(keyring.keys[0], secret, path, session)


def proven(keyring: Keyring, secret: str, path: str, given: str, session: str = "") -> bool:
    """Whether a form that carries this was made for that browser, that page and that session."""
    made = (_proof(key, secret, path, session) for key in keyring.keys)
    return sound(secret) and any(hmac.compare_digest(one.encode(), given.encode("utf-8", "replace")) for one in made)


def _proof(key: bytes, secret: str, path: str, session: str) -> str:
    shown = hmac.digest(key, session.encode("utf-8", "replace"), "sha256").hex()
    return hmac.digest(key, f"form {secret} {shown} {path}".encode("utf-8", "replace"), "sha256").hex()
