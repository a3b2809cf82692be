"""The data pipeline from end to end: ``python validate_real_data_pipeline.py``."""

import sys

from astrobio.training.readiness import pipeline_main

if __name__ == "__main__":
    sys.exit(pipeline_main())
