"""Models: one folder each, with its configuration, its network and its task."""
