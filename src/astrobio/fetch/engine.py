"""Fetch: ask each source, or a mirror of it, and admit what comes.

Nothing is kept in mind but what the store holds: a fetch that died goes on by asking for what is not there, and files
under way lie in ``partial/fetch``, where the transfer goes on with them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from astrobio.archives.registry import SOURCES, source
from astrobio.archives.source import Product, Source
from astrobio.core.errors import AstrobioError, UsageError
from astrobio.core.hashing import sha256_files
from astrobio.fetch.bringing import Bringing, Brought, session_for
from astrobio.fetch.mirror import Mirror
from astrobio.fetch.protocols import bring
from astrobio.fetch.report import SourceReport
from astrobio.fetch.saved import bring_from_file, bring_from_mirror
from astrobio.store import RealDataStorage
from astrobio.store.storage import AdmissionReport
from astrobio.transfer import Progress

TOGETHER = 64
"""Files that are admitted together: more wait for no other, fewer are lost to a kill."""
ACCEPTED = "accept_terms"
"""The journal's event that notes that a user has accepted a source's terms."""


class Fetcher:
    """Fetches sources into a store.

    Parameters
    ----------
    storage : RealDataStorage
    mirror : Mirror, optional
        Where saved files are taken from, instead of the archives.
    update : bool
        Ask again for what is held, on the condition that it has changed.
    progress : callable, optional
        Hears how a transfer goes.
    """

    def __init__(
        self,
        storage: RealDataStorage,
        mirror: Mirror | None = None,
        update: bool = False,
        progress: Callable[[Progress], object] | None = None,
    ) -> None:
        self.storage, self.mirror, self.update, self.progress = storage, mirror, update, progress

    def fetch(self, names: Sequence[str] = ()) -> Iterator[SourceReport]:
        """Fetch sources one after the other, and say what became of each; all that can be fetched unless named.

        Raises
        ------
        RefusedInput
            If a source is not known.
        StoreError
            If the store cannot be written.
        """
        chosen = [source(name) for name in names] or [one for one in SOURCES.values() if is_fetched(one)]
        for one in chosen:
            yield self._fetch_source(one)

    def accept_terms(self, names: Sequence[str]) -> None:
        """Note in the journal that the user accepts the terms of sources.

        Raises
        ------
        UsageError
            If a source has none to accept.
        """
        for name in names:
            one = source(name.lower())
            if not one.licence.to_accept:
                raise UsageError(f"{one.title} has no terms to accept")
            if one.name not in self._accepted():
                self.storage.catalogue.note(ACCEPTED, {"source": one.name, "terms": one.licence.to_accept})

    def _accepted(self) -> set[str]:
        return {row["detail"]["source"] for row in self.storage.journal() if row["event"] == ACCEPTED}

    def _fetch_source(self, one: Source) -> SourceReport:
        report = SourceReport(one.name, one.title)
        report.skipped, report.command = self._cannot(one)
        if report.skipped is None:
            before = _names(self.storage, one.name)
            try:
                with _folder(self.storage, one) as folder:
                    bringing = Bringing(one, session_for(one), folder, self._held(one), self.update, self.progress)
                    self._admit(report, self._brought(one, bringing))
                    report.transferred = bringing.transferred
            except AstrobioError as error:
                report.failed, report.command = error.message, error.fix
            report.changes = _changes(before, _names(self.storage, one.name)) if self.update else []
        report.counts = held_counts(self.storage, one)
        if report.skipped is None and report.failed is None:
            report.failed = _too_few(one, report.counts, self.mirror is not None)
        return report

    def _cannot(self, one: Source) -> tuple[str | None, str | None]:
        """Why a source is not asked, and the command that mends it."""
        if not is_fetched(one):
            return "made here, not fetched", "astrobio import shipped"
        if one.licence.to_accept and self.mirror is None and one.name not in self._accepted():
            return f"its terms are not accepted: {one.licence.to_accept}", f"astrobio fetch --accept-terms {one.name}"
        if one.token and not os.environ.get(one.token) and self.mirror is None:
            return f"it needs a token in {one.token}", f"export {one.token}=..."
        return None, None

    def _held(self, one: Source) -> Callable[[str], dict[str, dict[str, Any]]]:
        def held(product: str) -> dict[str, dict[str, Any]]:
            return {
                record.provenance.detail["name"]: record.provenance.detail
                for record in self.storage.records(source=one.name)
                if record.provenance.detail.get("product") == product
            }

        return held

    def _brought(self, one: Source, bringing: Bringing) -> Iterator[Brought]:
        if self.mirror is not None:
            digests = {record.digest for record in self.storage.records(source=one.name)}
            yield from bring_from_mirror(self.mirror, bringing, digests)
            return
        for product in one.products:
            if product.ask is not None and product.default:
                yield from bring(product, product.ask, bringing)

    def _admit(self, report: SourceReport, brought: Iterable[Brought]) -> None:
        """Admit files as they come, so many at a time; what came before a failure is admitted before it is raised."""
        failures: list[AstrobioError] = []
        coming = _until_failure(brought, failures)
        while chunk := list(islice(coming, TOGETHER)):
            one = source(report.source)
            items = [(file.path, file.provenance(one, sha256_files([file.path])[0])) for file in chunk]
            self._note(report, self.storage.admit_many(items))
            for file in chunk:
                if file.temporary:
                    file.path.unlink(missing_ok=True)
        if failures:
            raise failures[0]

    def _note(self, report: SourceReport, admission: AdmissionReport) -> None:
        report.admitted += admission.admitted
        report.already += admission.already
        report.refused += [(key, verdict.reasons) for key, verdict in admission.rejected]


def is_fetched(one: Source) -> bool:
    """Whether a source is one that is asked for, and not made here."""
    return any(product.ask is not None or product.isolated for product in one.products)


def import_file(storage: RealDataStorage, one: Source, path: Path, product: str | None = None) -> AdmissionReport:
    """Admit a file that a user has saved from a source.

    Raises
    ------
    UsageError
        If it cannot be told which product it is of.
    DataMissing
        If it is not there.
    """
    chosen = _product_for(one, path, product)
    brought = bring_from_file(one, chosen.name, path)
    return storage.admit_many([(path, brought.provenance(one, sha256_files([path])[0]))])


def _product_for(one: Source, path: Path, name: str | None) -> Product:
    import fnmatch

    if name is not None:
        return one.product(name)
    fitting = [
        product
        for product in one.products
        if any(fnmatch.fnmatch(path.name, pattern.rpartition("/")[2]) for pattern in product.saved_as)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if len(one.products) == 1:
        return one.products[0]
    known = ", ".join(product.name for product in one.products)
    raise UsageError(f"{path.name} may be any product of {one.title}: {known}",
                     fix=f"astrobio import {one.name} {path} --product {one.products[0].name}")  # fmt: skip


def held_counts(storage: RealDataStorage, one: Source) -> dict[str, int]:
    """What the store holds of a source, by what is counted; of each file its newest release only."""
    newest: dict[tuple[str, str], tuple[str, dict[str, int]]] = {}
    judged = storage.judgements(one.name)
    for record in storage.records(source=one.name):
        detail = record.provenance.detail
        name = (detail.get("product", ""), detail.get("name", record.key))
        when = detail.get("retrieved", "")
        if name not in newest or newest[name][0] <= when:
            newest[name] = when, judged[record.key].get("counts", {})
    counts: dict[str, int] = {}
    for _, found in newest.values():
        for counted, number in found.items():
            counts[counted] = counts.get(counted, 0) + number
    return counts


def _too_few(one: Source, counts: dict[str, int], mirrored: bool) -> str | None:
    few = [
        f"{counts.get(product.counted, 0)} {product.counted}, and at least {product.least} are expected"
        for product in one.products
        if product.default and counts.get(product.counted, 0) < product.least
        and not (mirrored and counts.get(product.counted, 0) == 0)
    ]  # fmt: skip
    return "; ".join(few) or None


def _names(storage: RealDataStorage, name: str) -> dict[str, str]:
    return {record.key.rpartition("#")[0]: record.digest for record in storage.records(source=name)}


def _changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    new = [f"new: {name}" for name in after if name not in before]
    return new + [f"changed: {name}" for name in after if name in before and before[name] != after[name]]


def _until_failure(brought: Iterable[Brought], failures: list[AstrobioError]) -> Iterator[Brought]:
    try:
        yield from brought
    except AstrobioError as error:
        failures.append(error)


@contextmanager
def _folder(storage: RealDataStorage, one: Source) -> Iterator[Path]:
    """Where a source's files are while they are under way; what is left of a fetch that failed is gone on with."""
    folder = storage.root / "partial" / "fetch" / one.name
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder)
