"""Does this reply only thank? What is in doubt is none, so that no request is overlooked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mailgate.desk.thanks import is_thanks


@pytest.mark.parametrize(
    "text",
    [
        "Thanks", "thanks!", "Thank you very much!", "Thanks a lot :-)", "thx", "Cheers, Ann", "Many thanks again!", "THANK YOU!",
        "Thanks Tina!", "Thank you so much, Tina Turner.", "Hi Tina,\n\nthank you for the quick help!\n\nBest regards\nAnn Other",
        "Great, it works perfectly now. Thanks!", "It works again, thank you!", "OK, thanks.", "Much appreciated!",
        "Thanks 👍", "👍", "🙏🙏",
        "Danke", "Vielen Dank!", "Danke schön, Frau Müller!", "Super, vielen Dank für die schnelle Hilfe!", "Alles klar, danke",
        "Funktioniert wieder, herzlichen Dank!", "Besten Dank\n\nMit freundlichen Grüßen\nAnna Schmidt", "Danke nochmal!",
        "Merci beaucoup", "Bonjour, merci pour votre aide !", "Merci, tout fonctionne maintenant.", "C’est parfait, merci",
        "Muchas gracias por su ayuda", "¡Gracias!", "Grazie mille", "Muito obrigada!", "Hartelijk bedankt", "Tack så mycket!", "Tusen takk",
        "Mange tak for hjælpen", "Kiitos", "Dziękuję bardzo!", "Děkuji", "Köszönöm", "Спасибо большое!", "Teşekkürler",
        "谢谢！", "謝謝", "ありがとうございます。", "감사합니다",
    ],
)  # fmt: skip
def test_a_thank_you_is_one(text: str) -> None:
    assert is_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "   \n", "...", "1", "OK",
        "thanks, but it still fails", "Thanks. It does not work.", "Thank you, can you also look at the scanner", "Thanks! One more thing",
        "Thanks, when will it be fixed?", "No thanks", "Thanks, see room 5", "Thanks. Still Broken",
        "THANKS STILL BROKEN", "Thanks. Broken.",
        "Thanks!\nBroken again", "Again, thanks for nothing", "The printer takes forever", "It broke after typing",
        "My type of paper is missing",
        "We tackle this tomorrow", "ist undankbar", "Danke, aber es geht noch nicht", "Danke, der Drucker ist wieder kaputt",
        "Danke, tritt wieder auf", "Nein danke", "Danke. Bitte noch den Scanner prüfen", "Danke, Raum 5", "geht wieder nicht, danke",
        "Merci, mais ça ne marche pas", "Merci de rappeler demain", "Gracias, pero todavía no funciona", "Grazie, ma non funziona",
        "Obrigado, mas ainda falha", "Bedankt, maar het werkt niet", "Tak", "Спасибо, но не работает", "谢谢，但是还是不行",
        "ありがとうございますが、まだ動きません",
        "It works now", "I do not accept", "reject", "Thanks " * 200,
    ],
)  # fmt: skip
def test_anything_more_than_a_thank_you_is_none(text: str) -> None:
    assert not is_thanks(text)


@settings(max_examples=100)
@given(some.text(max_size=450))
def test_any_text_has_an_answer_and_a_question_is_never_a_thank_you(text: str) -> None:
    assert is_thanks(text) in (True, False)
    assert not is_thanks(text + "?")


@settings(max_examples=100)
@given(some.sampled_from(["Thanks", "Vielen Dank", "Merci"]), some.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=12))
def test_an_unknown_word_in_lower_case_makes_it_more_than_a_thank_you(thanks: str, word: str) -> None:
    assert not is_thanks(f"{thanks}, {word}x")
