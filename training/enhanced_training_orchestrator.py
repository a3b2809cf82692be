"""Several models as one plan: ``python training/enhanced_training_orchestrator.py --models rebuilt_datacube_cnn``."""

import sys

from astrobio.store import RealDataStorage
from astrobio.training.workflow import orchestrator_main, run_plan

__all__ = ["RealDataStorage", "run_plan"]

if __name__ == "__main__":
    sys.exit(orchestrator_main())
