"""Collect, verify and prepare the data: ``python training/enable_automatic_data_download.py``."""

import sys

from astrobio.training.acquisition import main

if __name__ == "__main__":
    sys.exit(main())
