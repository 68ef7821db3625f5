"""Is this reply nothing but a thank-you? A short question with a short answer; when in doubt it is not, so that no request is overlooked.

Every word has to be one of thanks, of courtesy or of success, or stand where a name stands. One word more, and somebody may want something.
"""

from __future__ import annotations

from mailgate.desk.seldom import seldom

_LONGEST = 400
_MOST_NAMES = 4
# A word, a digit, or what ends a sentence. One pass; what matches none of them (commas, emoji) says nothing.
_TOKEN = seldom(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d|[\n.!;:…]")

_THANKS = frozenset(
    "thank thanks thx thnx tnx ty tyvm cheers appreciated danke dank dankeschön dankesehr merci gracias grazie obrigado obrigada"
    " bedankt dankjewel tack takk mange kiitos dziękuję dzięki děkuji díky ďakujem köszönöm köszi спасибо дякую благодаря teşekkürler"
    " mulțumesc hvala ευχαριστώ"
    " 谢谢 谢谢你 谢谢您 谢谢了 多谢 感谢 非常感谢 謝謝 謝謝您 ありがとう ありがとうございます ありがとうございました"
    " どうもありがとうございました 감사합니다 고맙습니다".split()
)

# What may stand beside the thanks: courtesy, and that it works.
_COURTESY = frozenset(
    # English
    "you very much so a lot many all for the your quick quickly fast prompt great excellent good kind help helping support assistance"
    " response reply answer effort efforts time service it it's its this that is are was be now works working worked fine perfectly well"
    " perfect super awesome brilliant wonderful lovely cool ok okay everything hi hello dear team best warm regards greetings sincerely"
    " yours have nice day weekend evening and with really solved fixed resolved done sorted i'm we're happy glad"
    # German
    " vielen herzlichen besten schön schöne schönen lieben für die der das den ihre ihren deine eure eurer schnelle schnellen prompte hilfe"
    " unterstützung antwort rückmeldung bearbeitung lösung mühe toll tolle prima perfekt klasse alles klar bestens geht läuft"
    " funktioniert klappt druckt jetzt nun gut sehr ganz dir ihnen euch herr frau liebe lieber hallo guten tag morgen moin freundliche"
    " freundlichen grüße grüßen gruß mit viele vg mfg lg es ist passt erledigt gelöst schönes wochenende und"
    # French
    " beaucoup pour votre ton ta aide l'aide mille tout tous fonctionne marche maintenant c'est parfait génial bonjour cordialement"
    " bonne journée à vous toi de la le les rapide réponse"
    # Spanish, Italian, Portuguese
    " muchas muchísimas por su tu ayuda todo funciona bien perfecto ya ahora saludos hola rápida respuesta tante molte per il suo vostro"
    " aiuto l'aiuto tutto bene ora perfetto ciao saluti cordiali muito pela pelo sua ajuda tudo bem perfeito agora"
    # Dutch and the North
    " u je wel hartelijk voor het snelle hulp werkt nu goed groeten vriendelijke met top så mycket för hjälpen tusen tak hjelpen det"
    " fungerar bra hej hilsen hjælpen"
    # Slavic
    " bardzo za pomoc działa большое огромное помощь всё все работает".split()
)

# These go with thanks and with success (`thanks again`, `geht wieder`); beside anything else they say that it happened again.
_AGAIN = frozenset("again wieder nochmal nochmals".split())
_BEFORE_AGAIN = _THANKS | frozenset("you works working fine dank geht läuft funktioniert klappt druckt".split())

# No name, however it is written.
_BUT = frozenset(
    "but still however not no nope never please can could why when unfortunately aber noch nicht kein keine nein bitte leider doch"
    " warum wann trotzdem immer mais encore pas non pero todavía ma ancora mas ainda não maar niet nog nee ale nie но не".split()
)
_GESTURES = "👍👌🙏"


def is_thanks(text: str) -> bool:
    """Whether a freshly written text only thanks. Linear in its length; anything long, numbered, negated or questioning is no thank-you."""
    if len(text) > _LONGEST or "?" in text or "？" in text:
        return False
    thanked, before, names = False, "", 0
    # Whether a name may stand here: behind a known word of the same sentence, or where a signature begins.
    addressed = False
    tokens = _TOKEN.findall(text.strip())
    for token in tokens:
        word = token.lower().replace("’", "'")
        if not token[0].isalpha():
            if token.isdigit():
                return False
            addressed = token == "\n"
        elif word in _THANKS or word in _COURTESY or (word in _AGAIN and before in _BEFORE_AGAIN):
            thanked, addressed = thanked or word in _THANKS, True
        elif addressed and token[0].isupper() and not token.isupper() and word not in _BUT and names < _MOST_NAMES:
            names += 1
        else:
            return False
        before = word
    return thanked or (not tokens and any(sign in text for sign in _GESTURES))
