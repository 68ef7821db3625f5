"""Which words does a text say, so that texts about the same thing share some? Folded, shortened to their stems, without those that all use.

English and German alike: `printing`, `prints` and `printer` are one word, `Drucker`, `druckt` and `gedruckt` two. Nothing here knows what
a word means. Linear in what it looks at, and it looks at the beginning of a text only.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# So many characters of a text are looked at (more where all is to be found again), and so many of a word.
MOST_TEXT, MOST_PLAIN = 6_000, 20_000
_LONGEST = 40
# An address says who writes, and a link where to; neither says what about.
_WORD = re.compile(r"\S{0,64}@\S{1,64}|https?:\S{1,200}|[^\W_]+")
_PLAIN = re.compile(r"[^\W_]+")
# What parts the words of a text in ASCII: anything but letters and digits.
_APART = {sign: " " for sign in range(128) if not chr(sign).isalnum()}
_ENDINGS = tuple("ungen ingen ungs ions ung ing ion ern end ed en er em es st e n s t".split())
# What is left of a word says too little if it is shorter.
_SHORTEST_STEM = 4

_EVERYBODYS = frozenset(
    # English: articles, pronouns, little words, courtesy, and what every request for help says.
    "a an the this that these those it its i me my we us our you your he his she her they their them who what which when where why how"
    " and or but if so than then as at by for from in into of off on onto out over to up with without about after again before between"
    " is am are was were be been being do does did done doing have has had having can could will would shall should may might must"
    " not no nor don doesn didn isn wasn aren can cannot couldn won wouldn haven hasn t s re ve ll m d any some all every each more most"
    " just only also too very now here there today yesterday tomorrow morning since still yet already always never once soon"
    " hello hi dear hey thanks thank please regards best kind sincerely cheers team help helpdesk support desk service request ticket"
    " problem issue trouble question work works working worked get gets got getting go goes going want wants need needs needed try tried"
    " trying use using used make makes makes made let know tell told see seen look looks like one two new old another other same way"
    " something anything everything nothing somebody anybody everybody because however until while during think seems seem several"
    # German
    " der die das den dem des ein eine einen einem einer eines und oder aber wenn dass daß als wie so auch noch nur schon sehr mehr"
    " ich mich mir mein meine meinen meinem meiner du dich dir dein wir uns unser unsere unseren unserem er ihn ihm sein seine sie ihr"
    " ihre ihren ihrem es man wer was wann wo warum welche welcher welches dieser diese dieses diesen diesem jeder jede jedes alle alles"
    " ist bin bist sind seid war waren wird werden wurde wurden worden habe hast hat haben hatte hatten kann kannst können konnte muss"
    " müssen musste soll sollen sollte darf will wollen wollte würde mag möchte möchten gibt gebe nicht kein keine keinen keiner nichts"
    " in im ins an am ans auf aus bei beim mit nach von vom vor zu zum zur über unter durch für gegen ohne um bis seit während zwischen"
    " hallo guten tag morgen abend moin liebe lieber liebes geehrte geehrter damen herren herr frau danke vielen dank bitte bitten"
    " gruß grüße grüßen grüßen freundlichen freundliche viele beste besten mfg vg lg team hilfe helfen support anfrage ticket"
    " problem probleme frage fehler geht gehen ging gehts funktioniert funktionieren tut läuft klappt mal hier dort da dann jetzt"
    " heute gestern morgens wieder immer nie weiter leider plötzlich etwas jemand niemand andere anderen neu neue neuen neuer neues alt"
    " alte alten ob damit dabei davon dazu denn doch ja nein sich selbst sowie sodass weil obwohl seitdem brauche brauchen bekomme"
    " bekommen machen mache macht gemacht sehen sieht kommt komme kommen lässt lassen versuche versucht".split()
)


def words(text: str) -> tuple[str, ...]:
    """The different words that the beginning of a text says, in their order: lower case, no accents, no endings. Never raises."""
    said = _WORD.findall(text[:MOST_TEXT].casefold())
    return tuple(dict.fromkeys(stem for word in said if (stem := _stem(word[:_LONGEST]))))


def plain(text: str) -> tuple[str, ...]:
    """The different words of a text as people look for them: lower case, no accents, and all of them. Never raises."""
    begin = text[:MOST_PLAIN].casefold()
    # Every message is indexed by its words. Most texts are ASCII, whose words need no search; and a text says most of them again and again.
    if begin.isascii():
        said = dict.fromkeys(begin.translate(_APART).split())
        return tuple(said) if max(map(len, said), default=0) <= _LONGEST else tuple(dict.fromkeys(word[:_LONGEST] for word in said))
    return tuple(dict.fromkeys(_folded(word[:_LONGEST]) for word in dict.fromkeys(_PLAIN.findall(begin))))


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    """The stem; empty for what says nothing."""
    if word in _EVERYBODYS or "@" in word or "://" in word or (len(word) < 2 and not word.isdigit()):
        return ""
    stem = _folded(word)
    while (shorter := _shorter(stem)) != stem:
        stem = shorter
    return stem


def _folded(word: str) -> str:
    """Without accents and umlauts: `größe` is `grosse`, as casefold has it already."""
    if word.isascii():
        return word
    return "".join(one for one in unicodedata.normalize("NFKD", word) if not unicodedata.combining(one))


def _shorter(word: str) -> str:
    if not word.isalpha():
        return word
    return next((word[: -len(end)] for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= _SHORTEST_STEM), word)
