"""Catalogues of planets, joined: :func:`read_planets` gives all planets of a store.

``columns`` says what each column of a catalogue is, ``quantities`` in which unit a quantity is kept; ``entries`` reads
names and status, ``names`` and ``joining`` find which rows are one planet, ``values`` and ``rows`` lay out what they
tell, and ``conflicts`` what they do not agree on.
"""

from astrobio.datasets.planet_catalogues.planets import Planets, read_planets

__all__ = ["Planets", "read_planets"]
