"""Did this form come from our page, and from the browser to which we gave it? A cookie and a field of the form prove it together.

The cookie is a random secret of one browser; the field is made of it, of our key and of the address of the page. Another site knows
neither, so that it can have nobody's browser act here.
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


def proof(keyring: Keyring, secret: str, path: str) -> str:
    """What the form of the page at this path carries for the browser with that secret: 256 bits in hex."""
    return _proof(keyring.keys[0], secret, path)


def proven(keyring: Keyring, secret: str, path: str, given: str) -> bool:
    """Whether a form that carries this was made for that browser and that page."""
    made = (_proof(key, secret, path) for key in keyring.keys)
    return sound(secret) and any(hmac.compare_digest(one.encode(), given.encode("utf-8", "replace")) for one in made)


def _proof(key: bytes, secret: str, path: str) -> str:
    return hmac.digest(key, f"form {secret} {path}".encode("utf-8", "replace"), "sha256").hex()
