"""Which articles may help whoever writes this? Few and right: a wrong suggestion annoys, a missing one costs nothing.

The database says which articles share a word with the mail; whether one is good enough is decided here, alike on every database.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from mailgate.desk.article import Article
from mailgate.desk.words import words

MOST = 3
# So many words of a mail are looked for, those of its subject first.
_MOST_WORDS = 40
# An article is good enough where the mail says most of its title; or a good part of the title and hardly anything that the article does not
# say. All by weight, and never by one word alone. What these figures do to a desk's mails is shown by tests/desk/test_suggestions.
_MOST_OF_TITLE = 0.75
_PART_OF_TITLE, _MOST_OF_MAIL = 0.4, 0.7
_ENOUGH_WORDS = 2
# A suggestion that is so much weaker than the best one is none.
_NEAR_THE_BEST = 0.6


class Candidate(Struct, frozen=True):
    """An article with the words of its title, and those of problem and solution, as `terms` gives them."""

    article: Article
    title: frozenset[str]
    further: frozenset[str]


def asked(subject: str, text: str) -> tuple[str, ...]:
    """The words of a mail that are worth looking for."""
    return tuple(dict.fromkeys((*words(subject), *words(text))))[:_MOST_WORDS]


def terms(article: Article) -> tuple[str, str]:
    """What an article is found by: the words of its title, and those of problem and solution, each with blanks between."""
    title = words(article.title)
    further = dict.fromkeys((*words(article.problem), *words(article.solution)))
    return " ".join(title), " ".join(word for word in further if word not in title)


def chosen(mail: Sequence[str], candidates: Sequence[Candidate], total: int) -> tuple[Article, ...]:
    """At most three articles that are good enough for a mail of these words, the best first. `total` is how many articles there are."""
    said = frozenset(mail)
    weights = _weights(said, candidates, total)
    scored = [(score, one.article) for one in candidates if (score := _score(said, one, weights)) > 0]
    scored.sort(key=lambda one: (-one[0], one[1].ticket))
    best = scored[0][0] if scored else 0.0
    return tuple(article for score, article in scored[:MOST] if score >= best * _NEAR_THE_BEST)


def _weights(said: frozenset[str], candidates: Sequence[Candidate], total: int) -> Mapping[str, float]:
    """How much each word tells: the fewer articles have it, the more."""
    count = Counter(word for one in candidates for word in one.title | one.further)
    everything = max(total, len(candidates))
    return {word: math.log(1 + everything / max(1, count[word])) for word in said | count.keys()}


def _score(said: frozenset[str], one: Candidate, weights: Mapping[str, float]) -> float:
    """How well an article fits; 0 where it does not."""
    shared = said & (one.title | one.further)
    if len(shared) < _ENOUGH_WORDS:
        return 0.0
    of_title = _share(said & one.title, one.title, weights)
    of_mail = _share(shared, said, weights)
    good = of_title >= _MOST_OF_TITLE or (of_title >= _PART_OF_TITLE and of_mail >= _MOST_OF_MAIL)
    return of_title + of_mail if good else 0.0


def _share(some: frozenset[str], everything: frozenset[str], weights: Mapping[str, float]) -> float:
    """How much of the weight of all words these have."""
    return sum(weights[word] for word in some) / max(sum(weights[word] for word in everything), 1e-9)
