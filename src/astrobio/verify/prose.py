"""Measures of text: whether it is English prose, whole, and like no other.

Each takes a text and returns a number or what was found. The bounds stand with the checks in ``verify.text``.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

_FORMULA = re.compile(r"\$[^$]*\$|\\\(.{0,400}?\\\)|\\\[.{0,400}?\\\]|\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]+")
_TAG = re.compile(
    r"</?(?:html|head|body|title|meta|link|script|style|div|span|br|hr|img|table|tbody|tr|td|th|ul|ol|li|h[1-6]|em|"
    r"strong|sup|sub|form|input|iframe|button|nav|footer|pre|code|font|center|a\s+href=[^>]{0,200}|p\s+class=[^>]{0,200})"
    r"(?:\s[^<>]*)?/?>|</(?:a|p|b|i)>|<!doctype\b",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:[a-z]{2,8}|#\d{2,6});", re.IGNORECASE)
_LATEX = re.compile(r"\$[^$]+\$|\\[A-Za-z]+|\\\(|[A-Za-z0-9)]_\{|\^\{")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]{2,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ufffe\uffff]")
_DETERMINERS = frozenset(("the", "a", "an"))
_NOT_AFTER_THEM = _DETERMINERS | {
    "of", "and", "to", "in", "is", "that", "for", "with", "on", "by", "from", "are", "at", "be", "which", "we", "this",
    "have", "or", "has", "was", "were", "these", "their", "our",
}  # fmt: skip
FUNCTION_WORDS = frozenset((
    "the", "of", "and", "to", "in", "a", "is", "that", "for", "with", "as", "on", "by", "we", "from", "are", "at",
    "this", "be", "an", "which", "it", "have", "or", "can", "their", "these", "not", "has", "our", "between", "than",
    "was", "such", "been", "were", "into", "its", "also", "but", "both", "most", "more", "using", "they",
))  # fmt: skip
"""The commonest words of English that name nothing; 45 of them."""
SHINGLE = 5
"""Words of a shingle (Broder 1997, On the resemblance and containment of documents, section 2)."""
MOST_TOGETHER = 50
"""Texts that share a shingle; one that more share says nothing of likeness."""


def words(text: str) -> list[str]:
    """The words of a text in small letters, its formulas left out.

    >>> words(r"We find $M > 8 M_\\odot$ for the Cores.")
    ['we', 'find', 'for', 'the', 'cores']
    """
    return [word.lower() for word in _WORD.findall(_FORMULA.sub(" ", text))]


def function_word_share(found: Sequence[str]) -> float:
    """Share of the words that are among the commonest of English: near 0 for names, numbers, other languages."""
    return sum(word in FUNCTION_WORDS for word in found) / len(found) if found else 0.0


def letter_share(text: str) -> float:
    """Share of the characters that are letters."""
    return sum(character.isalpha() for character in text) / len(text) if text else 0.0


def misplaced_determiners(found: Sequence[str]) -> tuple[int, int]:
    """How many articles stand before a word that cannot follow one, and how many articles there are.

    Words in any order have many: ``the of``, ``a the``.

    >>> misplaced_determiners("the mass of the star is the of a the".split())
    (2, 5)
    """
    articles = sum(word in _DETERMINERS for word in found)
    wrong = sum(word in _DETERMINERS and after in _NOT_AFTER_THEM for word, after in pairwise(found))
    return wrong, articles


def page_markup(text: str) -> list[str]:
    """Tags of HTML pages; what merely stands between angle brackets, as ``<z/r>``, is none.

    >>> page_markup("a mean <z/r> of <Q> and <I>, <b>no</b> <a href='x'>link</a>")
    ['</b>', "<a href='x'>", '</a>']
    """
    return [found[0] for found in _TAG.finditer(text)]


def character_entities(text: str) -> list[str]:
    """Characters that are written as entities, as ``&amp;``."""
    return _ENTITY.findall(text)


def has_latex(text: str) -> bool:
    """Whether a text has formulas or commands of LaTeX."""
    return _LATEX.search(text) is not None


def broken_characters(text: str) -> list[str]:
    """Characters that stand for others: replacement and control characters, and UTF-8 that was read as Windows-1252.

    >>> broken_characters("M\u00c3\u00bcller \ufffd"), broken_characters("M\u00fcller, 5000 \u00c5")
    (['\u00c3\u00bc', '\ufffd'], [])
    """
    found = [run for run in _BEYOND_ASCII.findall(text) if _reads_as_utf8(run)]
    return found + _CONTROL.findall(text)


def _reads_as_utf8(run: str) -> bool:
    """Whether characters, taken as the bytes of Windows-1252 or Latin-1 that they would be, are UTF-8."""
    for encoding in ("cp1252", "latin-1"):
        try:
            run.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        return True
    return False


def shingles(found: Sequence[str]) -> NDArray[np.uint32]:
    """Hashes of all runs of five words, each once."""
    if len(found) < SHINGLE:
        return np.array([zlib.crc32(" ".join(found).encode())], dtype=np.uint32)
    text = [" ".join(found[place : place + SHINGLE]).encode() for place in range(len(found) - SHINGLE + 1)]
    return np.unique(np.fromiter(map(zlib.crc32, text), dtype=np.uint32, count=len(text)))


@dataclass(frozen=True)
class Likeness:
    """Which of several texts are alike.

    Attributes
    ----------
    pairs : list of (int, int, float)
        Places of two texts, and the share of shingles that they share: the Jaccard index of their sets.
    templates : list of int
        Texts half of whose shingles, or more, come in more than :data:`MOST_TOGETHER` texts.
    """

    pairs: list[tuple[int, int, float]]
    templates: list[int]


def likeness(texts: Sequence[Sequence[str]], least: float) -> Likeness:
    """Compare texts by their shingles.

    Exact, not estimated: shingles are sorted, and those that two texts share are counted. That two different shingles
    have one hash is rare beside those of a text (1 in 4e9).

    Parameters
    ----------
    texts : sequence of sequences of str
        Words of each text.
    least : float
        Least overlap of a pair.

    >>> a = "we show that the mass of the star is small".split()
    >>> likeness([a, a + ["now"], "nothing is like it in any other text".split()], 0.5).pairs
    [(0, 1, 0.8571428571428571)]
    """
    sets = [shingles(text) for text in texts]
    if not sets:
        return Likeness([], [])
    sizes = np.array([len(one) for one in sets])
    hashes, owners = np.concatenate(sets), np.repeat(np.arange(len(sets)), sizes)
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], owners[order]
    starts = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]])
    lengths = np.diff(np.r_[starts, len(hashes)])
    common = np.repeat(lengths > MOST_TOGETHER, lengths)
    shared_by_many = np.bincount(owners[common], minlength=len(sets))
    shared: Counter[tuple[int, int]] = Counter()
    few = (lengths > 1) & (lengths <= MOST_TOGETHER)
    for start, length in zip(starts[few].tolist(), lengths[few].tolist(), strict=True):
        shared.update(combinations(owners[start : start + length].tolist(), 2))
    pairs = [
        (first, second, count / int(sizes[first] + sizes[second] - count))
        for (first, second), count in sorted(shared.items())
        if count >= least * int(sizes[first] + sizes[second] - count)
    ]
    return Likeness(pairs, np.flatnonzero(2 * shared_by_many >= sizes).tolist())
