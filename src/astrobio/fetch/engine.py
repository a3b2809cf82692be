"""Fetch: ask each source, or a mirror of it, and admit what comes.

A fetch that died goes on where it was: what the store holds is not asked for again, files that are under way lie in
``partial/fetch``, and the journal says which products have come whole. One process at a time fetches a source.
"""

from __future__ import annotations

import errno
import fnmatch
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from astrobio.archives.asking import address, is_single
from astrobio.archives.registry import SOURCES, source
from astrobio.archives.source import Product, Source
from astrobio.core.errors import (
    EXIT_CHECK_FAILED,
    EXIT_DATA_MISSING,
    EXIT_UNREACHABLE,
    AstrobioError,
    DataMissing,
    UsageError,
)
from astrobio.core.hashing import sha256_files
from astrobio.core.provenance import Provenance
from astrobio.fetch.bringing import HOPELESS, TOGETHER, Bringing, Brought, Transfers, credentials_of, session_for
from astrobio.fetch.mirror import Mirror
from astrobio.fetch.protocols import bring, by_hand
from astrobio.fetch.releases import Release, ask_digest, changes, current, newest, note_release, of_product, releases
from astrobio.fetch.report import Failure, SourceReport
from astrobio.fetch.saved import FromMirror, bring_from_file
from astrobio.store import RealDataStorage, StoreError
from astrobio.store.storage import AdmissionReport, Record
from astrobio.transfer import Progress, TransferFailed

LARGE = 256 << 20
"""Bytes from which on files are admitted without waiting for more."""
ACCEPTED = "accept_terms"
"""The journal's event that notes that a user has accepted a source's terms."""
OFFLINE = 3
"""Sources in a row of which no host was reached, after which the others are not tried."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


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
    tell : callable, optional
        Hears in a line what is done next.
    """

    def __init__(
        self,
        storage: RealDataStorage,
        mirror: Mirror | None = None,
        update: bool = False,
        progress: Callable[[Progress], object] | None = None,
        tell: Callable[[str], object] | None = None,
    ) -> None:
        self.storage, self.mirror, self.update, self.progress = storage, mirror, update, progress
        self.tell = tell or (lambda _line: None)
        self._stopped: str | None = None
        self._unreached = 0

    def fetch(self, names: Sequence[str] = ()) -> Iterator[SourceReport]:
        """Fetch sources one after the other, and say what became of each.

        Parameters
        ----------
        names : sequence of str
            Sources, or ``SOURCE/PRODUCT``; unless any are named, the default selection of all, small ones first.

        Raises
        ------
        RefusedInput, UsageError
            If a source or a product is not known.
        """
        self._stopped, self._unreached = None, 0
        self.storage.sweep()
        for one, products in chosen(names, self.mirror is not None):
            yield self._fetch_source(one, products, bool(names))
        self.storage.sweep()

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
            if one.name not in accepted(self.storage):
                self.storage.catalogue.note(ACCEPTED, {"source": one.name, "terms": one.licence.to_accept})

    def _fetch_source(self, one: Source, products: Sequence[Product], named: bool) -> SourceReport:
        report = SourceReport(one.name, one.title)
        report.skipped, report.command = cannot(self.storage, one, products, self.mirror is not None)
        if self._stopped is not None:
            report.skipped, report.command = self._stopped, f"astrobio fetch {one.name}"
        if report.skipped is None:
            with self._alone(one), _folder(self.storage, one) as folder:
                before = {product.name: of_product(current(self.storage, one), product) for product in products}
                credentials, secret = credentials_of(one)
                transfers = Transfers(session_for(one), credentials, secret, self.progress)
                if self.mirror is not None:
                    self._from_mirror(report, one, products if named else (), transfers, folder)
                else:
                    self._from_archive(report, one, products, transfers, folder)
                report.transferred, report.requests = transfers.received, transfers.requests
                self._note_network(report)
                if not report.failures:
                    shutil.rmtree(folder)
            if self.update:
                after = current(self.storage, one)
                found = (changes(self.storage, product, before[product.name], of_product(after, product))
                         for product in products)  # fmt: skip
                report.changes = [change for change in found if change is not None]
        report.counts = held_counts(self.storage, one)
        if self.mirror is not None and report.complete and not (report.admitted or report.already or report.counts):
            report.skipped = f"{self.mirror.place} has none of its files"
            report.command = f"astrobio fetch {one.name}, with no mirror named"
        if report.complete:
            report.failures += _too_few(one, products, report.counts, self.mirror is not None)
        return report

    def _from_mirror(
        self, report: SourceReport, one: Source, products: Sequence[Product], transfers: Transfers, folder: Path
    ) -> None:
        assert self.mirror is not None
        self.tell(f"{one.title}: from {self.mirror.place}")
        held = {record.key: record.digest for record in self.storage.records(source=one.name)}
        bringer = FromMirror(self.mirror, one, transfers, folder, held)
        try:
            self._admit(report, one, bringer.bring(tuple(product.name for product in products)), {})
        except AstrobioError as error:
            self._note_failure(report, one, None, error)
        except OSError as error:
            self._note_failure(report, one, None, _unwritten(self.storage, error))
        report.already += bringer.already

    def _from_archive(
        self, report: SourceReport, one: Source, products: Sequence[Product], transfers: Transfers, folder: Path
    ) -> None:
        noted = releases(self.storage, one.name)
        for product in products:
            if product.ask is None:
                continue
            mine = of_product(self.storage.records(source=one.name), product)
            if not self.update and self._is_whole(product, noted.get(product.name), mine):
                report.already += len(of_product(current(self.storage, one), product))
                continue
            self.tell(f"{one.title}: {product.name}, {product.holds}")
            error = self._bring_product(report, one, product, mine, transfers, folder)
            if error is not None:
                self._note_failure(report, one, product, error)
                if self._stopped or getattr(error, "reason", "") in HOPELESS:
                    break

    def _is_whole(self, product: Product, release: Release | None, mine: Sequence[Record]) -> bool:
        """Whether all of a product has come; for a single file one that a user has saved will do."""
        if release is not None and mine and release.asked == ask_digest(product.ask):
            return True
        return is_single(product.ask) and any(record.provenance.origin == "import" for record in mine)

    def _bring_product(
        self, report: SourceReport, one: Source, product: Product, mine: Sequence[Record], transfers: Transfers,
        folder: Path,
    ) -> AstrobioError | None:  # fmt: skip
        """Bring what is not held of a product, and note when all of it is there; what ended it, if anything did."""
        assert product.ask is not None
        own = folder / f"{product.name}-{ask_digest(product.ask)[:8]}"
        known = newest(mine)
        held = {name: record.provenance.detail for name, record in known.items()}
        bringing = Bringing(one, product, transfers, own, held, address(product.ask), self.update)
        refused, now = len(report.refused), {name: record.digest for name, record in known.items()}
        try:
            own.mkdir(exist_ok=True)
            self._admit(report, one, bring(product.ask, bringing), now)
            if len(report.refused) == refused:
                note_release(self.storage, one, product, {name: now[name] for name in bringing.names})
            shutil.rmtree(own)
        except AstrobioError as error:
            return error
        except OSError as error:
            return _unwritten(self.storage, error)
        finally:
            report.remarks += bringing.remarks
        return None

    def _admit(self, report: SourceReport, one: Source, brought: Iterable[Brought], now: dict[str, str]) -> None:
        """Admit files as they come, so many at a time; what came before a failure is admitted before it is raised."""
        failures: list[AstrobioError] = []
        for chunk in _chunks(_until_failure(brought, failures)):
            paths = [file.path for file in chunk if file.sha256 is None]
            hashed = dict(zip(paths, sha256_files(paths), strict=True))
            items = []
            for file in chunk:
                digest = file.sha256 or hashed[file.path]
                now[file.name] = digest
                if self._is_saved(one, file, digest):
                    report.already += 1
                else:
                    items.append((file.path, file.provenance(one, digest)))
            self._note_admission(report, self.storage.admit_many(items))
            for file in chunk:
                if file.temporary:
                    file.path.unlink(missing_ok=True)
        if failures:
            raise failures[0]

    def _is_saved(self, one: Source, file: Brought, digest: str) -> bool:
        """Whether a user has saved the very bytes under another name before."""
        if file.origin != "exchange":
            return False
        found = self.storage.catalogue.select("provenance", "digest=? AND source=?", (digest, one.name))
        held = [Provenance.from_json(text) for (text,) in found]
        return any(one.origin == "import" and one.detail.get("product") == file.product for one in held)

    def _note_admission(self, report: SourceReport, admission: AdmissionReport) -> None:
        report.admitted += admission.admitted
        report.already += admission.already
        report.refused += [(key, verdict.reasons) for key, verdict in admission.rejected]

    def _note_network(self, report: SourceReport) -> None:
        """Stop where no host of several sources in a row was reached: each would cost its attempts in vain."""
        codes = {failure.code for failure in report.failures}
        if report.requests:
            self._unreached = self._unreached + 1 if codes == {EXIT_UNREACHABLE} and not report.transferred else 0
        if self._unreached == OFFLINE:
            self._stopped = f"no host of {OFFLINE} sources in a row was reached, as if this machine had no network"

    def _note_failure(self, report: SourceReport, one: Source, product: Product | None, error: AstrobioError) -> None:
        report.failures.append(failure_of(one, product, error))
        full = isinstance(error, TransferFailed) and error.reason == "disk"
        if full or isinstance(error, StoreError):
            self._stopped = "the store cannot be written"

    @contextmanager
    def _alone(self, one: Source) -> Iterator[None]:
        """Hold a source's lock; another fetch of the same source is waited for. The system frees it after a kill."""
        folder = self.storage.root / "locks"
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / f"{one.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.tell(f"{one.title}: another fetch of it is under way; waiting for its end")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def chosen(names: Sequence[str], mirrored: bool) -> list[tuple[Source, tuple[Product, ...]]]:
    """Which products of which sources are meant, in the order of their names.

    Parameters
    ----------
    names : sequence of str
        Sources, or ``SOURCE/PRODUCT``; all unless any are given, those first of which there is least.
    mirrored : bool
        Whether saved files are taken, which need no address.

    Raises
    ------
    RefusedInput, UsageError
        If one is not known.

    >>> [(one.name, [product.name for product in products]) for one, products in
    ...  chosen(["nasa_exoplanet_archive/toi"], mirrored=False)]
    [('nasa_exoplanet_archive', ['toi'])]
    """
    if not names:
        every = [one for one in SOURCES.values() if is_fetched(one, mirrored)]
        return [(one, _default(one)) for one in sorted(every, key=expected_bytes)]
    found: dict[str, dict[str, Product]] = {}
    for name in names:
        word, slash, product = name.partition("/")
        one = source(word.lower())
        meant = (one.product(product),) if slash else _default(one)
        found.setdefault(one.name, {}).update({each.name: each for each in meant})
    return [(source(name), tuple(products.values())) for name, products in found.items()]


def expected_bytes(one: Source) -> int:
    """About how much the default selection of a source is."""
    return sum(product.expected_bytes for product in _default(one))


def is_fetched(one: Source, mirrored: bool = False) -> bool:
    """Whether a source is asked for by default: it is not made here, and it has an address or may be in a mirror."""
    return any(product.ask is not None or (mirrored and product.isolated) for product in _default(one))


def _default(one: Source) -> tuple[Product, ...]:
    return tuple(product for product in one.products if product.default)


def accepted(storage: RealDataStorage) -> set[str]:
    """The sources whose terms the user has accepted."""
    return {row["detail"]["source"] for row in storage.journal() if row["event"] == ACCEPTED}


def cannot(
    storage: RealDataStorage | None, one: Source, products: Sequence[Product], mirrored: bool
) -> tuple[str | None, str | None]:
    """Why a source is not asked, and the command that mends it; none where nothing is in the way."""
    if not any(product.ask is not None or product.isolated for product in products):
        return "made here, not fetched", "astrobio import shipped"
    if mirrored:
        return None, None
    if not any(product.ask is not None for product in products):
        return "it has no address that programs are served at", f"astrobio import {one.name} FILE"
    if one.licence.to_accept and (storage is None or one.name not in accepted(storage)):
        return f"its terms are not accepted: {one.licence.to_accept}", (
            f"astrobio fetch {one.name} --accept-terms {one.name}")  # fmt: skip
    if one.token and one.token_needed and not credentials_of(one)[1]:
        return f"it needs a token in {one.token}", f"export {one.token}=..."
    return None, None


def failure_of(one: Source, product: Product | None, error: AstrobioError) -> Failure:
    """What a user is told of an error: what happened, and what to do."""
    name = product.name if product is not None else ""
    code = EXIT_CHECK_FAILED if error.exit_code == EXIT_DATA_MISSING else error.exit_code
    if not isinstance(error, TransferFailed):
        return Failure(name, error.message, code, error.fix)
    denied = error.status in (401, 403) and error.reason == "status"
    if denied and credentials_of(one)[1]:
        return Failure(name, f"{error.message}; the token in {one.token} is not accepted", code,
                       f"export {one.token}=...")  # fmt: skip
    if product is not None and (error.reason in ("challenge", "html") or denied):
        url = by_hand(product.ask)
        where = f"open {url}" if url else f"go to {one.homepage}"
        hand = f"In a browser {where}, save {product.holds}, and run the command; its file passes the same checks."
        return Failure(name, error.message, code, f"astrobio import {one.name} FILE --product {name}", hand)
    return Failure(name, error.message, code, f"astrobio fetch {one.name}")


def import_file(storage: RealDataStorage, one: Source, path: Path, product: str | None = None) -> AdmissionReport:
    """Admit a file that a user has saved from a source.

    Raises
    ------
    UsageError
        If it cannot be told which product it is of.
    DataMissing
        If it is not there.
    """
    if not path.is_file():
        raise DataMissing(f"{path} is a folder, and no file" if path.is_dir() else f"there is no file {path}")
    chosen_product = _product_for(one, path, product)
    brought = bring_from_file(one, chosen_product.name, path)
    return storage.admit_many([(path, brought.provenance(one, brought.sha256 or ""))])


def _product_for(one: Source, path: Path, name: str | None) -> Product:
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
    judged = storage.judgements(one.name)
    counts: dict[str, int] = {}
    for record in current(storage, one):
        for counted, number in judged[record.key].get("counts", {}).items():
            counts[counted] = counts.get(counted, 0) + number
    return counts


def _too_few(one: Source, products: Sequence[Product], counts: dict[str, int], mirrored: bool) -> list[Failure]:
    found = []
    for product in products:
        count = counts.get(product.counted, 0)
        asked_for = count > 0 or (product.ask is not None and not mirrored)
        if asked_for and count < product.least:
            few = f"{count} {product.counted}, and at least {product.least} are expected"
            found.append(Failure(product.name, few, EXIT_CHECK_FAILED, f"astrobio fetch {one.name} --update"))
    return found


def _chunks(brought: Iterator[Brought]) -> Iterator[list[Brought]]:
    """So many files at a time, or so many bytes."""
    chunk: list[Brought] = []
    size = 0
    for file in brought:
        chunk.append(file)
        size += file.path.stat().st_size
        if len(chunk) >= TOGETHER or size >= LARGE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _unwritten(storage: RealDataStorage, error: OSError) -> StoreError:
    """A file that could not be written while it was under way.

    Raises
    ------
    OSError
        The same, if no file of ours is concerned.
    """
    if error.errno in _FULL:
        return StoreError(f"the disk of the store {storage.root} is full; what was admitted stays",
                          fix="the same command again, once there is room")  # fmt: skip
    if error.filename is None:
        raise error
    return StoreError(f"{error.filename}: {error.strerror}")


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
