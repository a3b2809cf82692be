"""Files over HTTP: many at once under limits for each host, resumable, checked before they are kept."""

from astrobio.transfer.download import Session, download
from astrobio.transfer.outcome import Exchange, Outcome, Progress, TransferFailed
from astrobio.transfer.request import HostLimit, Request, Settings

__all__ = [
    "Exchange",
    "HostLimit",
    "Outcome",
    "Progress",
    "Request",
    "Session",
    "Settings",
    "TransferFailed",
    "download",
]
