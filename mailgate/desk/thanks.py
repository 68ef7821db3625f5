"""Is this reply nothing but a thank-you? A short question with a short answer; when in doubt it is not, so that no request is overlooked."""

from __future__ import annotations

_LONGEST = 200
_MOST_WORDS = 14

_THANKS = (
    "thank", "thanks", "thx", "ty", "cheers", "danke", "dank", "dankeschön", "vielen dank", "merci", "gracias", "grazie", "obrigado",
    "obrigada", "bedankt", "tack", "tak", "takk", "kiitos", "dziękuję", "dzięki",
    "děkuji", "köszönöm", "спасибо", "ありがとう", "谢谢", "謝謝",
)  # fmt: skip

# A word of these says that something is still wanted.
_BUT = frozenset((
    "but", "still", "however", "not", "no", "again", "please", "can", "could", "why", "when", "unfortunately",
    "aber", "noch", "nicht", "kein", "keine", "wieder", "bitte", "leider", "doch", "warum", "wann", "trotzdem", "immer",
    "mais", "encore", "pas", "pero", "todavía", "ma", "ancora", "non", "mas", "ainda", "não", "maar", "niet", "nog",
))  # fmt: skip


def is_thanks(text: str) -> bool:
    """Whether a freshly written text only thanks. Linear in its length; anything long, negated or questioning is no thank-you."""
    if len(text) > _LONGEST or "?" in text or "？" in text:
        return False
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    if not words or len(words) > _MOST_WORDS or any(word in _BUT for word in words):
        return False
    said = " ".join(words)
    return any(said.startswith(word) or f" {word}" in said for word in _THANKS)
