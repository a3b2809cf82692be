"""The documented entry points of the data."""
