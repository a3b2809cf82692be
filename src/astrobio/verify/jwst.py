"""Checks of spectra that JWST's pipeline extracted: what its headers say, and what they can say together."""

from __future__ import annotations

import re

import numpy as np

from astrobio.core.provenance import Provenance
from astrobio.formats.spectrum_file import SpectrumFile
from astrobio.verify.courses import FEW, check_analytic, check_errors_vary, check_turning, check_values_vary, fits
from astrobio.verify.spectra import Points, points
from astrobio.verify.verdict import Findings

MOST_JUDGED = 8
"""Spectra of a series whose course is judged: it takes time, and one pipeline made them all."""
SPECTROSCOPY = {
    "NIRISS": ("NIS_SOSS", "NIS_WFSS"),
    "NIRSPEC": ("NRS_BRIGHTOBJ", "NRS_FIXEDSLIT", "NRS_IFU", "NRS_MSASPEC"),
    "NIRCAM": ("NRC_TSGRISM", "NRC_WFSS", "NRC_GRISM"),
    "MIRI": ("MIR_LRS-FIXEDSLIT", "MIR_LRS-SLITLESS", "MIR_MRS", "MIR_WFSS"),
}
"""Exposure types that give spectra, by instrument (stdatamodels, core.schema.yaml, EXP_TYPE)."""
DETECTORS = {
    "NIRISS": r"NIS", "NIRSPEC": r"NRS[12]|MULTIPLE", "NIRCAM": r"NRC[AB](LONG|[1-4])|MULTIPLE",
    "MIRI": r"MIRIMAGE|MIRIFU(LONG|SHORT)|MULTIPLE",
}  # fmt: skip
"""Detectors (stdatamodels, core.schema.yaml, DETECTOR)."""
OPTICS = {
    "NIRISS": {"PUPIL": r"GR700XD|CLEARP?|F\d{3}[MW]", "FILTER": r"CLEAR|F\d{3}[MW]|GR150[CR]"},
    "NIRSPEC": {"GRATING": r"G(140|235|395)[MH]|PRISM", "FILTER": r"CLEAR|F(070|100|170|290)LP|F110W|F140X"},
    "NIRCAM": {"PUPIL": r"GRISM[CR]|GDHS(0|60)", "FILTER": r"F\d{3}[MW]2?"},
    "MIRI": {"FILTER": r"P750L|N/A|F\d{3,4}W"},
}
"""Elements that disperse or filter light (stdatamodels, core.schema.yaml, GRATING, PUPIL, FILTER)."""
_FILE_NAME = re.compile(r"jw(\d{5})[-\d]\S*_(x1d|x1dints)(-\S+)?\.fits")
_CALIBRATION = r"\d+\.\d+"


def check_jwst(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """What JWST's headers always say, and what they can say together.

    Keywords and their values are those of the data models (stdatamodels, core.schema.yaml); names of files those of
    the pipeline's documentation (File Naming Schemes).
    """
    header = {key: str(value).strip() for key, value in file.header.items()}
    telescope = header.get("TELESCOP", "")
    found.note("schema", "telescope", telescope == "JWST", telescope or "none named", "JWST")
    programme, observation = header.get("PROGRAM", ""), header.get("OBSERVTN", "")
    found.note("schema", "programme", re.fullmatch(r"\d{1,5}", programme) is not None and int(programme) > 0,
               programme or "none named", "its number")  # fmt: skip
    found.note("schema", "observation", re.fullmatch(r"\d{1,3}", observation) is not None,
               observation or "none named", "its number")  # fmt: skip
    calibrated = header.get("CAL_VER", "")
    found.note("schema", "version of the pipeline", re.match(_CALIBRATION, calibrated) is not None,
               calibrated or "none named", "its number")  # fmt: skip
    name = header.get("FILENAME", "")
    named = _FILE_NAME.fullmatch(name)
    good = named is not None and programme.isdigit() and int(named[1]) == int(programme)
    found.note("schema", "name of the file", good, name or "none named", "jw, the programme's number, ..., x1d")
    found.note("schema", "day of the observation", "DATE-OBS" in header, header.get("DATE-OBS", "none named"),
               "its date")  # fmt: skip
    _check_configuration(found, header)


def _check_configuration(found: Findings, header: dict[str, str]) -> None:
    instrument = header.get("INSTRUME", "")
    kinds = SPECTROSCOPY.get(instrument)
    if not found.note("physics", "instrument with spectra", kinds is not None, instrument or "none named",
                      f"one of {', '.join(SPECTROSCOPY)}"):  # fmt: skip
        return
    exposure = header.get("EXP_TYPE", "")
    found.note("physics", "type of exposure", exposure in (kinds or ()), exposure or "none named",
               f"one of {', '.join(kinds or ())}")  # fmt: skip
    detector = header.get("DETECTOR", "")
    found.note("physics", "detector", re.fullmatch(DETECTORS[instrument], detector) is not None,
               detector or "none named", f"one of {instrument}")  # fmt: skip
    wrong = [f"{key} {header.get(key) or 'not named'}" for key, allowed in OPTICS[instrument].items()
             if re.fullmatch(f"({allowed})|MULTIPLE", header.get(key, "")) is None
             and not (instrument == "MIRI" and exposure == "MIR_MRS")]  # fmt: skip
    found.note("physics", "optical elements", not wrong, ", ".join(wrong) or "as they are", f"those of {instrument}")


LEAST_JWST_LEFT = 0.01
"""Reduced chi square that an analytic curve leaves. Not measured: no such file was seen. Errors of pipelines are off by
factors; a curve without noise leaves 0."""


def check_jwst_course(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """Extracted spectra: no copies, no analytic curve, no noise that its errors take for signal."""
    kept = [one for one in file.spectra if int((one.measured & (one.error > 0)).sum()) >= FEW]
    if not file.spectra:
        return
    if not found.note("forensics", "points of a spectrum", bool(kept), f"{len(kept)} of {len(file.spectra)} spectra",
                      f"one with at least {FEW} usable points"):  # fmt: skip
        return
    copies = len(kept) - len({one.value.tobytes() for one in kept})
    found.note("forensics", "no spectrum twice", copies == 0, f"{copies} copies", "spectra that differ")
    chosen = [kept[int(place)] for place in np.unique(np.linspace(0, len(kept) - 1, MOST_JUDGED).round())]
    for spectrum in chosen:
        for part in points(spectrum):
            if len(part) >= FEW:
                _check_jwst_part(found, part)


def _check_jwst_part(found: Findings, part: Points) -> None:
    check_values_vary(found, part)
    check_errors_vary(found, part)
    if np.ptp(part.value) == 0:
        return
    check_analytic(found, part, fits(part), LEAST_JWST_LEFT)
    check_turning(found, part)
