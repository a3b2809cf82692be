"""Train a model: ``python train_unified_sota.py --model rebuilt_datacube_cnn --max_epochs 10``."""

import sys

from astrobio.training.documented import train_main

if __name__ == "__main__":
    sys.exit(train_main())
