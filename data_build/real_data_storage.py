"""The store, under its documented name."""

from astrobio.store import RealDataNotFound, RealDataStorage

__all__ = ["RealDataNotFound", "RealDataStorage"]
