"""The store: objects by digest, a catalogue with a journal, a quarantine."""

from astrobio.store.storage import RealDataNotFound, RealDataStorage, Record, Rejected, StoreError

__all__ = ["RealDataNotFound", "RealDataStorage", "Record", "Rejected", "StoreError"]
