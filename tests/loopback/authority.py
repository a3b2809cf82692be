"""Certificates for https on loopback: an authority of its own, and servers with good and bad certificates."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme


class Authority:
    """A certificate authority that nobody knows but those who are given its file.

    Parameters
    ----------
    folder : Path
        Where `certificate` is written, the authority's own certificate in PEM form.
    """

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.certificate = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(self.certificate)

    def context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """For a server: a certificate for `names` (hosts and addresses), which ended yesterday if it is `expired`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._issue(names, expired).configure_cert(context)
        return context

    def write(self, path: Path, *names: str) -> Path:
        """The private key and certificate chain for `names` as one file, for the server's command line."""
        self._issue(names, expired=False).private_key_and_cert_chain_pem.write_to_path(path)
        return path

    def _issue(self, names: tuple[str, ...], expired: bool) -> trustme.LeafCert:
        if not expired:
            return self._authority.issue_cert(*names)
        now = datetime.datetime.now(datetime.UTC)
        days = [now - datetime.timedelta(days=count) for count in (30, 1)]
        return self._authority.issue_cert(*names, not_before=days[0], not_after=days[1])
