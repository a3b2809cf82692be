"""Works to cite, as BibTeX."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from astrobio.core.errors import UsageError

OTHERS = "others"
"""Stands last among authors where there are more."""
_SPECIAL = {character: f"\\{character}" for character in "&%$#_"} | {"–": "--", "’": "'", "ø": r"{\o}", "ß": r"{\ss}"}
_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0306": "u ", "\u030a": "r ",
            "\u030c": "v ", "\u0327": "c "}  # fmt: skip
"""Combining marks (Unicode) and the accents of TeX (The TeXbook, chapter 9)."""


@dataclass(frozen=True)
class Citation:
    """A work to cite, in plain text; TeX's escapes are added by :attr:`bibtex`.

    Attributes
    ----------
    key : str
        Names it in a bibliography: first author and year.
    authors : tuple of str
        ``Family, Given``; a name without a comma is a group. ``others`` stands last where there are more.
    title : str
    year : int, optional
        None for a service that is cited as it stands.
    journal, volume, number, pages : str
        Of an article.
    series, publisher : str
        Of a book.
    doi, eprint : str
        DOI, and number at arXiv.
    url, note : str

    >>> Citation("Kanehisa2000", ("Kanehisa, Minoru", "Goto, Susumu"), "KEGG", 2000, "Nucleic Acids Research").short
    'Kanehisa & Goto 2000'
    """

    key: str
    authors: tuple[str, ...]
    title: str
    year: int | None = None
    journal: str = ""
    volume: str = ""
    number: str = ""
    pages: str = ""
    series: str = ""
    publisher: str = ""
    doi: str = ""
    eprint: str = ""
    url: str = ""
    note: str = ""

    @property
    def short(self) -> str:
        """Authors and year, as a text refers to it."""
        families = [name.split(",")[0] for name in self.authors]
        several = len(families) > 2 or OTHERS in families
        who = f"{families[0]} et al." if several else " & ".join(families)
        return f"{who} {self.year}" if self.year else who

    @property
    def address(self) -> str:
        """Where it can be read: its DOI first, then arXiv, then an address of its own; empty where none is known."""
        if self.doi:
            return f"https://doi.org/{self.doi}"
        return f"https://arxiv.org/abs/{self.eprint}" if self.eprint else self.url

    @property
    def place(self) -> str:
        """Where it appeared, in words: ``The Astronomical Journal 155 (6), 266``; empty where nowhere."""
        volume = " ".join(filter(None, (self.volume, f"({self.number})" if self.number else "")))
        where = " ".join(filter(None, (self.journal, volume)))
        return ", ".join(filter(None, (where, self.pages, self.series, self.publisher)))

    @property
    def bibtex(self) -> str:
        r"""Its entry: ASCII, its title in braces of its own so that no style changes its capitals.

        >>> print(Citation("Moretti2021", ("Moretti, Sébastien", "The Group"), "Salt & pepper", 2021).bibtex)
        @misc{Moretti2021,
          author = {Moretti, S{\'e}bastien and {The Group}},
          title = {{Salt \& pepper}},
          year = {2021}
        }
        """
        authors = (name if "," in name or name == OTHERS else f"{{{name}}}" for name in map(escaped, self.authors))
        fields = {
            "author": " and ".join(authors),
            "title": f"{{{escaped(self.title)}}}",
            "journal": escaped(self.journal),
            "volume": self.volume,
            "number": self.number,
            "pages": self.pages.replace("-", "--"),
            "series": escaped(self.series),
            "publisher": escaped(self.publisher),
            "year": str(self.year or ""),
            "doi": self.doi,
            "eprint": self.eprint,
            "archivePrefix": "arXiv" if self.eprint else "",
            "url": self.url,
            "note": escaped(self.note),
        }
        said = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
        return f"@{self._type}{{{self.key},\n{said}\n}}"

    @property
    def _type(self) -> str:
        if self.journal:
            return "article"
        return "book" if self.publisher else "misc"


def escaped(text: str) -> str:
    r"""Text as TeX has it: special characters escaped, accents as commands.

    Raises
    ------
    UsageError
        If a character is known to neither.

    >>> escaped("Åström & Gößwein 50 %")
    '{\\r A}str{\\"o}m \\& G{\\"o}{\\ss}wein 50 \\%'
    """
    return "".join(_escaped(character) for character in unicodedata.normalize("NFC", text))


def _escaped(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isascii() and character not in "\\{}~^":
        return character
    parts = unicodedata.normalize("NFD", character)
    letter, marks = parts[0], parts[1:]
    if marks not in _ACCENTS or not letter.isascii():
        raise UsageError(f"{character!r} is not known to TeX here", fix="add it to astrobio.archives.citing")
    return f"{{\\{_ACCENTS[marks]}{letter}}}"
