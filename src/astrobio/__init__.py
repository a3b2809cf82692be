"""Astrobio trains models of habitable worlds on data whose origin and integrity can be shown."""

__version__ = "0.1.0"
