"""Bytes on their way into the store: what a client brings, and what all clients share.

Whatever a client asks for goes into the product's folder below ``partial/fetch``, and a note of the exchange beside
it. A file whose note is there has come whole: a fetch that was killed goes on with it and does not ask again.
"""

from __future__ import annotations

import json
import mmap
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from astrobio.archives.asking import is_single
from astrobio.archives.source import Product, Source
from astrobio.core.errors import AstrobioError, RefusedInput
from astrobio.core.native import native
from astrobio.core.provenance import Assurance, Origin, Provenance
from astrobio.transfer import HostLimit, Outcome, Progress, Request, Session, Settings, TransferFailed

TOGETHER = 32
"""Files that are asked for together and then handed on: few are lost to a kill."""
HOPELESS = frozenset({"challenge", "dns", "connect", "tls", "stalled", "unavailable", "rate_limited", "disk"})
"""Failures that the next request to the same host would meet, too."""
NO_NAMES = (".part", ".part.json", ".part.json.new", ".note", ".note.new")
"""Ends of the names of files that lie beside those that are under way."""
LONGEST_NAME = 180


class Incomplete(AstrobioError):
    """What came is not all that the archive says it has, or the archive changed while it was asked."""


@dataclass(frozen=True)
class Brought:
    """A file that was brought.

    Attributes
    ----------
    product, name : str
    path : Path
        Where it lies.
    assurance, origin : str
    detail : dict
        What its provenance tells beside the product and the name.
    temporary : bool
        Whether the fetcher removes it when it is in the store; else its client does, or it is not ours.
    sha256 : str, optional
        Its digest, where it is known.
    """

    product: str
    name: str
    path: Path
    assurance: Assurance
    origin: Origin
    detail: dict[str, Any] = field(default_factory=dict)
    temporary: bool = True
    sha256: str | None = None

    def provenance(self, source: Source, digest: str) -> Provenance:
        """The provenance of its record; the key holds the digest's beginning, so that releases lie side by side."""
        product = source.product(self.product)
        detail = {"product": self.product, "name": self.name, **self.detail}
        # Kept with the record: it is judged by what was expected when it came, also when an archive has grown since.
        if is_single(product.ask) and self.assurance != "pinned":
            detail["at_least"] = product.least
        key = record_key(self.product, self.name, digest)
        return Provenance(source.name, product.kind, self.assurance, self.origin, key, detail)


def record_key(product: str, name: str, digest: str) -> str:
    """The key of a record.

    >>> record_key("toi", "TOI.csv", "6d7e1c1f0457")
    'toi/TOI.csv#6d7e1c1f0457'
    """
    return f"{product}/{name}#{digest[:12]}"


@dataclass(frozen=True)
class Answer:
    """A file that came, and what its exchange said.

    Attributes
    ----------
    path : Path
    detail : dict
        For provenance; see :func:`exchange`.
    headers : dict
        Of the answer, names in lower case.
    """

    path: Path
    detail: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Transfers:
    """The transfers of one source, counted.

    Attributes
    ----------
    session : Session
        Keeps the least interval and the connections that the source allows.
    credentials : mapping
        Headers that carry the user's token.
    secret : str
        The token; empty where there is none. A file that repeats it is thrown away.
    progress : callable, optional
    received, requests : int
        Bytes and requests so far.
    """

    session: Session
    credentials: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    progress: Callable[[Progress], object] | None = None
    received: int = 0
    requests: int = 0

    def fetch(self, requests: Sequence[Request]) -> list[Outcome]:
        """Fetch files.

        Raises
        ------
        RefusedInput
            If an answer repeats the user's token; what came is removed.
        """
        outcomes = self.session.download(requests, self.progress)
        for outcome in outcomes:
            self.requests += len(outcome.attempts)
            self.received += sum(attempt.received for attempt in outcome.attempts)
        self._keep_secret(outcomes)
        return outcomes

    def _keep_secret(self, outcomes: list[Outcome]) -> None:
        if not self.secret:
            return
        told = [
            outcome for outcome in outcomes
            if (outcome.path is not None and _holds(outcome.path, self.secret.encode()))
            or any(self.secret in value for value in outcome.headers.values())
        ]  # fmt: skip
        for outcome in told:
            if outcome.path is not None:
                outcome.path.unlink()
        if told:
            raise RefusedInput(f"{told[0].url}: the answer repeats the token that was sent; it was thrown away")


@dataclass
class Bringing:
    """What a client works with: one product, the transfers of its source, and a folder for what is under way.

    Attributes
    ----------
    source, product : Source, Product
    transfers : Transfers
    folder : Path
        Files under way; what lies there from before is gone on with.
    held : mapping
        Names of the product's files that the store holds, with the detail of the newest record of each.
    trusted : str
        Address whose host the credentials belong to.
    update : bool
        Whether what is held is asked for again, on the condition that it has changed.
    names : set of str
        Names of all files that the archive has, whether they are asked for or not.
    remarks : list of str
        What a user should know about the answer and that no check refuses.
    """

    source: Source
    product: Product
    transfers: Transfers
    folder: Path
    held: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    trusted: str = ""
    update: bool = False
    names: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)

    def request(self, url: str, name: str, **options: Any) -> Request:
        """A request for a file that is kept under a name; with credentials where they belong."""
        credentials = self.transfers.credentials if _origin(url) == _origin(self.trusted) else {}
        return Request(url, self.folder / file_name(name), credentials=credentials, **options)

    def conditional(self, name: str, request: Request) -> Request | None:
        """The request, on the condition that what is held has changed; none where it is held and not asked again."""
        self.names.add(name)
        held = self.held.get(name)
        if held is None or _asked_of(held) not in (asked(request), None):
            return request
        if not self.update:
            return None
        return replace(request, etag=held.get("etag"), last_modified=held.get("last_modified"))

    def answer(self, request: Request) -> Answer:
        """Fetch one file, unless it has come before.

        Raises
        ------
        TransferFailed
            If it is not to be had.
        """
        answer = noted(request)
        if answer is None:
            [outcome] = self.transfers.fetch([request])
            answer = note(outcome.check())
        return answer

    def come(self, name: str) -> Answer | None:
        """The file of a name that has come before, whole, from whatever address; none where there is none."""
        return _read_note(self.folder / file_name(name))

    def document(self, url: str, name: str, **options: Any) -> Answer:
        """Fetch a document that tells what there is, anew each time."""
        request = self.request(url, name, **options)
        forget(request.path)
        return self.answer(request)

    def bring(self, wanted: Iterable[tuple[str, Request]], assurance: Assurance = "fetched") -> Iterator[Brought]:
        """Fetch files by name that are not held, so many at a time, and hand on what came.

        A file that is not to be had holds up no other, unless its host answers nothing at all.

        Raises
        ------
        TransferFailed
            For the first file that is not to be had, after the others have been brought.
        """
        failed: list[TransferFailed] = []
        asking = ((name, conditional) for name, request in wanted
                  if (conditional := self.conditional(name, request)) is not None)  # fmt: skip
        while group := list(islice(asking, TOGETHER)):
            yield from self._bring_group(group, assurance, failed)
            if failed and failed[-1].reason in HOPELESS:
                break
        if failed:
            more = f" (and {len(failed) - 1} more files)" if len(failed) > 1 else ""
            raise TransferFailed(f"{failed[0].message}{more}", failed[0].reason, failed[0].status)

    def _bring_group(
        self, group: list[tuple[str, Request]], assurance: Assurance, failed: list[TransferFailed]
    ) -> Iterator[Brought]:
        answers = {name: noted(request) for name, request in group}
        missing = [(name, request) for name, request in group if answers[name] is None]
        outcomes = self.transfers.fetch([request for _, request in missing])
        for (name, _), outcome in zip(missing, outcomes, strict=True):
            if outcome.path is not None:
                answers[name] = note(outcome)
            if outcome.error is not None:
                failed.append(outcome.error)
        for name, request in group:
            answer = answers[name]
            if answer is not None:
                pinned: Assurance = "pinned" if request.sha256 else assurance
                yield Brought(self.product.name, name, answer.path, pinned, "exchange", answer.detail)

    def remember(self, name: str, value: Any) -> None:
        """Keep a value in the folder for a fetch that goes on after a kill."""
        write_whole(self.folder / name, json.dumps(value).encode())

    def recall(self, name: str) -> Any:
        """What :meth:`remember` kept; none where nothing was, or a power cut left it without its content."""
        path = self.folder / name
        try:
            return json.loads(path.read_bytes()) if path.is_file() else None
        except ValueError:
            return None

    def forget(self, name: str) -> None:
        """Remove what :meth:`remember` kept."""
        (self.folder / name).unlink(missing_ok=True)

    @property
    def user_agent(self) -> str:
        """How requests name this program."""
        return Settings().user_agent


def session_for(source: Source, **settings: Any) -> Session:
    """A session that keeps to what a source asks for."""
    limit = HostLimit(source.connections, source.interval)
    return Session(replace(Settings(default_limit=limit, stall_timeout=source.patience), **settings))


def credentials_of(source: Source) -> tuple[dict[str, str], str]:
    """The header that carries the user's token for a source, and the token; both empty where there is none."""
    token = os.environ.get(source.token, "").strip() if source.token else ""
    if not token:
        return {}, ""
    name, _, value = source.token_header.partition(":")
    return {name.strip(): value.strip().format(token=token)}, token


def exchange(outcome: Outcome) -> dict[str, Any]:
    """What provenance tells of an exchange: no header that was sent, no secret."""
    detail: dict[str, Any] = {
        "url": outcome.url,
        "status": outcome.status,
        "retrieved": now(),
        "attempts": len(outcome.attempts),
    }
    if asked(outcome.request) != outcome.url:
        detail["asked"] = asked(outcome.request)
    named = {"etag": outcome.etag, "last_modified": outcome.last_modified, "content_type": outcome.content_type}
    detail |= {name: value for name, value in named.items() if value}
    if outcome.length_declared:
        detail["length"] = outcome.size
    return detail


def now() -> str:
    """The time, as provenance writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def asked(request: Request) -> str:
    """The address of a request as provenance holds it, secrets hidden."""
    return native().public_url(request.url)


def file_name(name: str) -> str:
    """The name under which a file lies in a folder meanwhile.

    Raises
    ------
    RefusedInput
        If a service names what cannot be a file's name: names come from outside.

    >>> file_name("path:ko00010")
    'path%3Ako00010'
    >>> file_name("../planets.csv")
    Traceback (most recent call last):
    ...
    astrobio.core.errors.RefusedInput: '../planets.csv' is no name of a file
    """
    encoded = quote(name, safe="+=@, ()#")
    bad = not name or "/" in name or "\\" in name or name.startswith(".") or not name.isprintable()
    if bad or name.endswith(NO_NAMES) or len(encoded) > LONGEST_NAME or name != name.strip():
        raise RefusedInput(f"{name[:80]!r} is no name of a file")
    return encoded


def _asked_of(detail: Mapping[str, Any]) -> str | None:
    """What was asked for to get what is held; none where a user or a mirror had saved it, which stands for anything."""
    return None if "mirror" in detail else detail.get("asked", detail.get("url"))


def last_part(url: str) -> str:
    """The last part of an address's path.

    >>> last_part("https://example.org/spectra/WASP-39%20b.tbl?raw=1")
    'WASP-39 b.tbl'
    """
    from urllib.parse import unquote

    return unquote(urlsplit(url).path.rpartition("/")[2])


def note(outcome: Outcome) -> Answer:
    """Note beside a file that came what its exchange said."""
    headers = {name: value for name, value in outcome.headers.items() if name != "set-cookie"}
    answer = Answer(outcome.request.path, exchange(outcome), headers)
    content = {"detail": answer.detail, "headers": answer.headers}
    write_whole(_note_of(answer.path), json.dumps(content).encode())
    return answer


def noted(request: Request) -> Answer | None:
    """The file of a request that has come before, whole; none where there is none."""
    answer = _read_note(request.path)
    if answer is not None and answer.detail.get("asked", answer.detail["url"]) != asked(request):
        forget(request.path)
        return None
    return answer


def _read_note(path: Path) -> Answer | None:
    note_path = _note_of(path)
    if not (path.is_file() and note_path.is_file()):
        return None
    try:
        content = json.loads(note_path.read_bytes())
    except ValueError:  # a power cut may leave a note without its content
        return None
    return Answer(path, content["detail"], content["headers"])


def forget(path: Path) -> None:
    """Remove a file and its note."""
    _note_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.parent.mkdir(parents=True, exist_ok=True)
    new.write_bytes(content)
    os.replace(new, path)


def _note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.note")


def _origin(url: str) -> tuple[str, str]:
    split = urlsplit(url)
    return split.scheme, split.netloc.rpartition("@")[2]


def _holds(path: Path, word: bytes) -> bool:
    if not path.stat().st_size:
        return False
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(word) >= 0
