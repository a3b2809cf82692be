"""What a source is: an archive or a simulator, what it holds, under which licence, and how its bytes are judged.

A source is data: a module of this package declares it, and nothing else in the package knows it by name. The fetcher
reads how to ask, the store which gates a record passes, the documentation the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from astrobio.archives.asking import Ask
from astrobio.archives.citing import Citation
from astrobio.core.errors import UsageError
from astrobio.core.provenance import Kind, Provenance
from astrobio.verify.tables import TableFormat
from astrobio.verify.verdict import Finding, Verdict

Gates = Callable[[bytes, Provenance], Verdict]
Grouping = Callable[[bytes, Provenance], str]


@dataclass(frozen=True)
class Licence:
    """What one may do with a source's data.

    Attributes
    ----------
    name, url : str
        As the archive names it, and where it says so.
    duties : str
        What whoever uses the data must do.
    redistributable : bool
        Whether the data may be passed on.
    share_alike : bool
        Whether what is derived from it must carry the same licence.
    academic_only : bool
        Whether only academic use is free.
    to_accept : str
        Terms that a user accepts by name before anything is fetched; empty where none are.
    """

    name: str
    url: str
    duties: str
    redistributable: bool
    share_alike: bool = False
    academic_only: bool = False
    to_accept: str = ""


def by_key(_content: bytes, provenance: Provenance) -> str:
    """The group of an object that shares its group with no other."""
    return f"{provenance.source}/{provenance.key}"


@dataclass(frozen=True)
class Product:
    """One kind of file that a source offers.

    Attributes
    ----------
    name : str
        Short, as ``pscomppars``; the first part of each record's key.
    holds : str
        What is in it, in a line.
    kind : Kind
        What its records are.
    counted : str
        What is counted in it, as ``planets``; the gates count it under this name.
    gates : callable
        From bytes and provenance to the verdict.
    ask : Ask, optional
        How the archive is asked for it; none where it is only imported or made here.
    saved_as : tuple of str
        Patterns of the names under which a mirror, or a user, has saved it, below its root.
    expected_bytes : int
        About how much is fetched of it; 0 where that is not known, which a default selection may not be.
    least : int
        The least count to expect of the whole product; fewer fails the source.
    default : bool
        Whether it is fetched unless others are named.
    group : callable
        From bytes and provenance to what must stay on one side of a split.
    isolated : bool
        Whether its bytes are read in a process of their own, as whatever comes from outside is.
    table : TableFormat, optional
        How it is read as a table, where it is one: two releases are then compared row by row, by the schema's key.
    """

    name: str
    holds: str
    kind: Kind
    counted: str
    gates: Gates
    ask: Ask | None = None
    saved_as: tuple[str, ...] = ()
    expected_bytes: int = 0
    least: int = 1
    default: bool = True
    group: Grouping = by_key
    isolated: bool = True
    table: TableFormat | None = None

    def judge(self, content: bytes, provenance: Provenance) -> Verdict:
        """The verdict of the gates, and whether there is as much as the provenance says that the archive has."""
        verdict = self.gates(content, provenance)
        least, count = provenance.detail.get("at_least"), verdict.counts.get(self.counted)
        if least is None or count is None:
            return verdict
        whole = Finding("transfer", "as much as the archive has", count >= least, "refuse", f"{count} {self.counted}",
                        f"at least {least}")  # fmt: skip
        return replace(verdict, findings=(*verdict.findings, whole))


@dataclass(frozen=True)
class Source:
    """An archive, or a simulator that is run here.

    Attributes
    ----------
    name : str
        As commands take it.
    title : str
        As people call it.
    holds : str
        What is in it, in a line.
    homepage : str
    licence : Licence
    citations : tuple of Citation
    products : tuple of Product
    interval : float
        Least time between two requests to one of its hosts, in s.
    connections : int
        Requests to one of its hosts at once.
    token : str, optional
        The environment variable that holds a user's token.
    token_header : str
        The header that carries it, ``{token}`` standing for it.
    token_needed : bool
        Whether nothing is answered without it.
    patience : float
        How long an answer may take to begin, or fall silent, in s.
    simulator : str
        The program that makes its records here; they are verified by being made again.
    acknowledgement : str
        The sentence that the archive asks a publication to carry; empty where it asks for none.
    unconfirmed : tuple of str
        What is said here and was not read at the archive itself.
    notes : tuple of str
        What a user should know: limits, traps, what to do where scripts are not served.
    """

    name: str
    title: str
    holds: str
    homepage: str
    licence: Licence
    citations: tuple[Citation, ...]
    products: tuple[Product, ...]
    interval: float = 0.0
    connections: int = 4
    token: str | None = None
    token_header: str = "Authorization: Bearer {token}"
    token_needed: bool = True
    patience: float = 60.0
    simulator: str = ""
    acknowledgement: str = ""
    unconfirmed: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    def product(self, name: str) -> Product:
        """The product of a name.

        Raises
        ------
        UsageError
            If there is none.
        """
        for product in self.products:
            if product.name == name:
                return product
        known = ", ".join(product.name for product in self.products)
        raise UsageError(f"{self.title} has no product {name!r}; it has {known}")
