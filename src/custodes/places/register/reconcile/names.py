# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names of places compared word by word: rare words weigh more, abbreviations and slips of the pen do not count.

No identifier of a list is looked at: numbers of two contractors mean nothing to each other.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from rapidfuzz.distance import DamerauLevenshtein

# What street names are cut down to in the languages whose registers we have seen; a word that is not here stays.
_SHORT = {
    "rd": "road",
    "av": "avenue",
    "ave": "avenue",
    "dr": "drive",
    "ln": "lane",
    "sq": "square",
    "pk": "park",
    "ct": "court",
    "cres": "crescent",
    "gdns": "gardens",
    "hwy": "highway",
    "pl": "place",
    "jct": "junction",
    "jn": "junction",
    "stn": "station",
    "ctr": "centre",
    "center": "centre",
    "bldg": "building",
    "nr": "near",
    "opp": "opposite",
    "xing": "crossing",
    "blvd": "boulevard",
    "bd": "boulevard",
    "rte": "route",
    "ul": "ulica",
    "str": "strasse",
    "strada": "strasse",
    "bhf": "bahnhof",
    "hbf": "hauptbahnhof",
    "n": "north",
    "s": "south",
    "e": "east",
    "w": "west",
    "carpark": "car park",
    "trg": "trg",
    "katu": "katu",
}
_FILLERS = {"the", "of", "at", "on", "in", "and", "near", "camera", "cctv", "de", "la", "le", "der", "die", "das", "u"}
_SIDES = {"north", "south", "east", "west", "upper", "lower", "left", "right", "internal", "external"}
_WORD = re.compile(r"[0-9]+|[^\W\d_]+")
_LONGEST = 200
_FULL = 9.0
"""No name alone outweighs everything else: log odds it can give at most."""
_OTHER = -5.0
"""Both names have a number, or a side, and it is another one."""
_UNSHARED = 0.45


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name without case, accents, punctuation, fillers and abbreviations."""
    plain = unicodedata.normalize("NFKD", name[:_LONGEST].casefold().replace("'", "").replace("’", ""))
    found: list[str] = []
    words = _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))
    for place, word in enumerate(words):
        if word == "st":
            # "St Johns Road" is a saint's, "Henrietta St" a street.
            first = place == 0 or words[place - 1] in ("upper", "lower")
            found.append("saint" if first and len(words) > 1 else "street")
        elif word not in _FILLERS:
            found += _SHORT.get(word, word).split()
    return tuple(dict.fromkeys(found))


class NameEvidence:
    """Compares names; learns from both lists how rare each word is."""

    def __init__(self, names: Iterable[str]) -> None:
        texts = [words_of(name) for name in names]
        self._total = max(len(texts), 1)
        self._documents = Counter(word for words in texts for word in words)

    def weigh(self, one: tuple[str, ...], two: tuple[str, ...]) -> float:
        """Log odds that both name one place; 0 where either has no name."""
        if not one or not two:
            return 0.0
        shared, left, right = _paired(one, two)
        score = sum(self._rarity(word) for word in shared)
        score -= _UNSHARED * sum(min(self._rarity(word), 4.0) for word in (*left, *right)) / (1 if not shared else 2)
        if not shared:
            score -= 3.0
        for which in (str.isdigit, _SIDES.__contains__):
            if any(map(which, left)) and any(map(which, right)):
                score = min(score, 0.0) + _OTHER
        return max(-8.0, min(_FULL, score))

    def _rarity(self, word: str) -> float:
        return math.log((self._total + 1) / (self._documents[word] + 0.5)) + 0.1


def _paired(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[list[str], list[str], list[str]]:
    """Words in both, one letter of slip allowed in long ones; and the words that only one of them has."""
    shared = [word for word in one if word in two]
    left = [word for word in one if word not in shared]
    right = [word for word in two if word not in shared]
    for word in list(left):
        near = [other for other in right if _slip(word, other)]
        if near:
            shared.append(word)
            left.remove(word)
            right.remove(near[0])
    return shared, left, right


def _slip(one: str, two: str) -> bool:
    if min(len(one), len(two)) < 5 or one[0] != two[0]:
        return False
    return DamerauLevenshtein.distance(one, two, score_cutoff=1) <= 1
