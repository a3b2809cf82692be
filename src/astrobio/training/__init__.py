"""Training: configuration, the loop, checkpoints, runs. It knows no model by name but through the registry."""
