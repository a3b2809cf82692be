"""The documented names of the training system.

``asyncio.run(run_unified_training('rebuilt_datacube_cnn'))`` trains a model on the store's real data.
"""

from astrobio.store import RealDataStorage
from astrobio.training.documented import RebuiltDatacubeCNN, run_unified_training, unavailable

__all__ = ["RealDataStorage", "RebuiltDatacubeCNN", "run_unified_training"]


def __getattr__(name: str) -> object:
    raise unavailable(name, __name__)
