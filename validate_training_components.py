"""The nine readiness checks: ``python validate_training_components.py``."""

import sys

from astrobio.training.readiness import components_main

if __name__ == "__main__":
    sys.exit(components_main())
