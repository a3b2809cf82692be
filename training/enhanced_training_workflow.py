"""From data to evaluation for one model.

``python training/enhanced_training_workflow.py --model rebuilt_datacube_cnn``
"""

import sys

from astrobio.store import RealDataStorage
from astrobio.training.workflow import run_workflow, workflow_main

__all__ = ["RealDataStorage", "run_workflow"]

if __name__ == "__main__":
    sys.exit(workflow_main())
