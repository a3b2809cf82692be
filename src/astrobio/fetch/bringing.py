"""Bytes on their way into the store: what a client brings, and what all clients share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from astrobio.archives.source import Product, Source
from astrobio.core.provenance import Assurance, Origin, Provenance
from astrobio.transfer import HostLimit, Outcome, Progress, Request, Session, Settings


@dataclass(frozen=True)
class Brought:
    """A file that was brought.

    Attributes
    ----------
    product, name : str
    path : Path
        Where it lies; the fetcher removes it when it is in the store, if it was made for this.
    assurance, origin : str
    detail : dict
        What its provenance tells beside the product and the name.
    """

    product: str
    name: str
    path: Path
    assurance: Assurance
    origin: Origin
    detail: dict[str, Any] = field(default_factory=dict)
    temporary: bool = True

    def provenance(self, source: Source, digest: str) -> Provenance:
        """The provenance of its record; the key holds the digest's beginning, so that releases lie side by side."""
        kind = source.product(self.product).kind
        detail = {"product": self.product, "name": self.name, **self.detail}
        return Provenance(source.name, kind, self.assurance, self.origin, record_key(self.product, self.name, digest),
                          detail)  # fmt: skip


def record_key(product: str, name: str, digest: str) -> str:
    """The key of a record.

    >>> record_key("toi", "TOI.csv", "6d7e1c1f0457")
    'toi/TOI.csv#6d7e1c1f0457'
    """
    return f"{product}/{name}#{digest[:12]}"


@dataclass
class Bringing:
    """What a client works with: one source, its session, and a folder for what is under way.

    Attributes
    ----------
    source : Source
    session : Session
        Keeps the least interval and the connections that the source allows.
    folder : Path
        Files under way; what lies there from before is gone on with.
    held : callable
        Names of a product's files that the store holds, with the detail of the newest record of each.
    update : bool
        Whether what is held is asked for again, on the condition that it has changed.
    progress : callable, optional
    """

    source: Source
    session: Session
    folder: Path
    held: Callable[[str], dict[str, dict[str, Any]]]
    update: bool = False
    progress: Callable[[Progress], object] | None = None
    transferred: int = 0

    def fetch(self, requests: Sequence[Request]) -> list[Outcome]:
        """Fetch files; counts the bytes that came."""
        outcomes = self.session.download(requests, self.progress)
        self.transferred += sum(attempt.received for outcome in outcomes for attempt in outcome.attempts)
        return outcomes

    def conditional(self, product: Product, name: str, request: Request) -> Request | None:
        """The request, on the condition that what is held has changed; none where it is held and not asked again."""
        held = self.held(product.name).get(name)
        if held is None:
            return request
        if not self.update:
            return None
        return replace(request, etag=held.get("etag"), last_modified=held.get("last_modified"))


def session_for(source: Source, **settings: Any) -> Session:
    """A session that keeps to what a source asks for."""
    return Session(Settings(default_limit=HostLimit(source.connections, source.interval), **settings))


def exchange(outcome: Outcome) -> dict[str, Any]:
    """What provenance tells of an exchange: no header that was sent, no secret."""
    detail: dict[str, Any] = {
        "url": outcome.url,
        "status": outcome.status,
        "retrieved": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "attempts": len(outcome.attempts),
    }
    named = {"etag": outcome.etag, "last_modified": outcome.last_modified, "content_type": outcome.content_type}
    detail |= {name: value for name, value in named.items() if value}
    if outcome.length_declared:
        detail["length"] = outcome.size
    return detail
