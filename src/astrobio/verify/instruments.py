"""Observatories and their instruments: which there are, since when, and at which wavelengths they see.

Ranges are those of the documentation named beside each, widened where published spectra that were measured here go
further. ``MARGIN`` is allowed beyond both ends: centres of bins, edges of filters and later calibrations differ by
that much.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MARGIN = 0.03
"""Share of a wavelength that is allowed beyond an instrument's range."""


@dataclass(frozen=True)
class Mode:
    """A disperser, filter or channel: how texts name it, and its range in micrometre."""

    name: str
    pattern: str
    low: float
    high: float


@dataclass(frozen=True)
class Instrument:
    """An instrument.

    Attributes
    ----------
    name : str
    pattern : str
        Regular expression for its names in files, whatever their case.
    low, high : float
        Its range, in micrometre.
    first : str
        Day from which it can have observed, ``YYYY-MM-DD``; that of its observatory where it is empty.
    source : str
        Where the range, and the day, are documented.
    modes : tuple of Mode
        Those whose range is narrower.
    own : bool
        Whether no instrument elsewhere has the same name.
    """

    name: str
    pattern: str
    low: float
    high: float
    source: str
    first: str = ""
    modes: tuple[Mode, ...] = ()
    own: bool = True


@dataclass(frozen=True)
class Facility:
    """An observatory.

    Attributes
    ----------
    name, pattern : str
        And the regular expression for its names in files.
    first, last : str
        Days between which it can have observed; empty where none is known.
    instruments : tuple of Instrument
    complete : bool
        Whether it has no other instruments.
    """

    name: str
    pattern: str
    first: str
    instruments: tuple[Instrument, ...]
    last: str = ""
    complete: bool = False


_CUBES = "JWST pipeline documentation, cube_build, NIRSpec disperser and filter combinations"
_JDOX = "https://jwst-docs.stsci.edu"

FACILITIES = (
    # Launched on 2021-12-25.
    Facility("JWST", r"\bJWST\b|James Webb", "2021-12-25", (
        Instrument("NIRISS", r"NIRISS", 0.6, 2.83,
                   f"{_JDOX}, NIRISS Single Object Slitless Spectroscopy: 0.6-2.8 (measured: 0.600-2.831)"),
        Instrument("NIRSpec", r"NIRSPEC", 0.52, 5.55,
                   f"{_JDOX}, NIRSpec: 0.6-5.3 (measured: 0.521-5.548, the prism)", own=False, modes=(
                       # _CUBES; measured for G395H: 2.739-5.174.
                       Mode("G140/F070LP", r"G140[MH]\W*F070LP|F070LP\W*G140[MH]", 0.7, 1.27),
                       Mode("G140", r"G140[MH]", 0.7, 1.89),
                       Mode("G235", r"G235[MH]", 1.66, 3.17),
                       Mode("G395", r"G395[MH]", 2.74, 5.27),
                   )),
        Instrument("NIRCam", r"NIRCAM", 0.6, 5.0, f"{_JDOX}, NIRCam: 0.6-5.0, grisms 2.4-5.0", modes=(
            Mode("grism", r"GRISM|F322W2|F277W|F356W|F444W", 2.4, 5.0),
        )),
        Instrument("MIRI", r"\bMIRI\b", 4.9, 28.8, f"{_JDOX}, Mid Infrared Instrument: 4.9-28.8", modes=(
            # Kendrew et al. 2015 (arXiv 1512.03000); measured: 5.125-11.875.
            Mode("LRS", r"\bLRS\b|P750L", 5.0, 12.0),
        )),
        Instrument("FGS", r"\bFGS\b|Fine Guidance Sensor", 0.6, 28.8, "not looked up: whatever JWST can see",
                   own=False),
    ), complete=True),
    # Deployed from the shuttle that was launched on 1990-04-24.
    Facility("HST", r"\bHST\b|Hubble", "1990-04-24", (
        Instrument("STIS", r"\bSTIS\b|Space Telescope Imaging Spectrograph", 0.115, 1.03,
                   "HST Primer 4.6: 1150-10300 A, installed in February 1997", "1997-02-01"),
        Instrument("WFC3", r"\bWFC3\b|Wide Field Camera 3", 0.2, 1.7,
                   "WFC3 Instrument Handbook 8: G280 from 0.2, G141 to 1.7; installed in May 2009", "2009-05-01"),
        Instrument("COS", r"\bCOS\b|Cosmic Origins Spectrograph", 0.09, 0.32,
                   "COS Instrument Handbook 1.1: 900-3200 A, installed in May 2009", "2009-05-01"),
        Instrument("ACS", r"\bACS\b|Advanced Camera for Surveys", 0.115, 1.1,
                   "ACS Instrument Handbook, table 3.1: 1150-11000 A; installed in 2002", "2002-03-01"),
        *(Instrument(name, pattern, 0.09, 2.6, "not looked up: whatever HST can see") for name, pattern in (
            ("NICMOS", r"NICMOS|Near Infrared Camera and Multi.Object Spectrometer"),
            ("WFPC2", r"WFPC2|Wide Field (and )?Planetary Camera 2"),
            ("GHRS", r"\bGHRS\b|Goddard High Resolution Spectrograph"),
            ("FOS", r"\bFOS\b|Faint Object Spectrograph"),
        )),
    ), complete=True),
    Facility("Spitzer", r"Spitzer", "2003-08-25", (
        # Channels 1 and 4, 3.551 and 7.873 with bandwidths of 0.750 and 2.930, and wings.
        Instrument("IRAC", r"\bIRAC\b|Infrared Array Camera", 3.1, 9.4, "IRAC Instrument Handbook, table 2.2"),
        Instrument("IRS", r"\bIRS\b|Infrared Spectrograph", 4.0, 40.0,
                   "Roellig et al., Infrared spectrograph for SIRTF: 4-40", own=False),
        Instrument("MIPS", r"\bMIPS\b|Multiband Imaging Photometer", 3.1, 200.0, "not looked up: infrared"),
    ), last="2020-01-30", complete=True),
    Facility("VLT", r"Very Large Telescope|\bVLT\b", "1998-09-01", (  # FORS1, its first instrument (ESO)
        Instrument("FORS2", r"\bFORS ?2\b", 0.33, 1.1,
                   "https://www.eso.org/sci/facilities/paranal/instruments/fors/inst.html: 330-1100 nm; first light on "
                   "1999-10-29 (ESO)", "1999-10-29"),
    )),
    Facility("IRTF", r"\bIRTF\b|Infrared Telescope Facility", "", (
        Instrument("SpeX", r"\bSpeX\b", 0.8, 5.5, "Rayner et al. 2003, PASP 115, 362: 0.8-5.5; commissioned from May "
                   "2000", "2000-05-01", (Mode("SXD", r"^SXD$", 0.8, 2.4),)),
    )),
    Facility("OAN", r"Observatorio Astronomico Nacional", "", (
        Instrument("Marconi CCD", r"Marconi", 0.3, 1.1, "a CCD of silicon"),
        Instrument("Mexman", r"Mexman", 0.3, 1.1, "a wheel of filters before a CCD of silicon"),
    )),
)  # fmt: skip
"""What the files that were seen here name, and what their observatories have beside it."""

SILICON = Instrument("a CCD", r"\bCCD\b", 0.3, 1.1, "the band gap of silicon, and the ozone of the atmosphere")
GROUND = Instrument("an instrument not known here", r"", 0.29, 30.0, "windows of the atmosphere, ozone to 30 um")


def facility(text: str) -> Facility | None:
    """The observatory that a text names; none where it is not known here.

    >>> facility("NASA 6.5m James Webb Space Telescope (JWST) Satellite Mission").name
    'JWST'
    """
    return next((one for one in FACILITIES if _names(one.pattern, text)), None)


def instrument(where: Facility | None, text: str) -> Instrument | None:
    """The instrument of an observatory that a text names; a CCD where nothing else is said of it.

    >>> instrument(facility("JWST"), "Near Infrared Spectrograph (NIRSpec) - PRISM").name
    'NIRSpec'
    """
    for one in where.instruments if where is not None else ():
        if _names(one.pattern, text):
            return one
    return SILICON if (where is None or not where.complete) and _names(SILICON.pattern, text) else None


def elsewhere(where: Facility | None, text: str) -> tuple[Facility, Instrument] | None:
    """The instrument that a text names and that only another observatory has.

    >>> elsewhere(facility("Hubble Space Telescope satellite"), "Infrared Array Camera (IRAC)")[1].name
    'IRAC'
    """
    for other in FACILITIES:
        for one in other.instruments:
            if other is not where and one.own and _names(one.pattern, text):
                return other, one
    return None


def taken_with(facilities: str, tools: str) -> list[tuple[str, str]]:
    """Each instrument that a text names, with its facility; semicolons part several.

    >>> taken_with("Hubble; Spitzer", "STIS; IRAC"), taken_with("Hubble", "STIS; WFC3")
    ([('Hubble', 'STIS'), ('Spitzer', 'IRAC')], [('Hubble', 'STIS'), ('Hubble', 'WFC3')])
    """
    places, named = ([one.strip() for one in text.split(";")] for text in (facilities, tools))
    places = places if len(places) == len(named) else [facilities] * len(named)
    return list(zip(places, named, strict=True))


def known_as(facilities: str, tools: str, text: str = "") -> tuple[str, str]:
    """Facility and instrument by the names of the table, however a file writes them; empty where one is not in it.

    Parameters
    ----------
    facilities, tools : str
        As a file names them.
    text : str
        What else it says, where a disperser or filter may be named.

    >>> known_as("NASA 6.5m James Webb Space Telescope (JWST) Satellite Mission",
    ...          "Near Infrared Spectrograph (NIRSpec)", "G395H NRS1, R=100")
    ('JWST', 'NIRSpec G395')
    """
    found = []
    for place, tool in taken_with(facilities, tools):
        where = facility(place)
        known = instrument(where, tool)
        found.append((where.name if where else "", limits(known, f"{tool} {text}")[0] if known else ""))
    known_places, known_tools = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
    return "; ".join(filter(None, known_places)), "; ".join(filter(None, known_tools))


def limits(one: Instrument, text: str) -> tuple[str, float, float]:
    """What of an instrument a text names, and its range in micrometre, with the margin.

    >>> limits(instrument(facility("JWST"), "NIRSpec"), "G395H NRS1, R=100")
    ('NIRSpec G395', 2.6578, 5.4281)
    """
    mode = next((mode for mode in one.modes if _names(mode.pattern, text)), None)
    low, high = (mode.low, mode.high) if mode else (one.low, one.high)
    name = f"{one.name} {mode.name}" if mode else one.name
    return name, round(low * (1 - MARGIN), 6), round(high * (1 + MARGIN), 6)


def _names(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None
