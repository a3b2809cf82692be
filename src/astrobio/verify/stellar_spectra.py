"""Checks of spectra of stars: as bright as their magnitudes, with lines, without noise for flux."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.formats.spectrum_file import SpectrumFile
from astrobio.verify import curves
from astrobio.verify.courses import (
    MANY,
    check_analytic,
    check_errors_vary,
    check_scatter,
    check_stray_error,
    check_turning,
    fits,
)
from astrobio.verify.spectra import Points, points
from astrobio.verify.verdict import Findings

ZERO_MAGNITUDE = {
    "J": (1.235, 0.162, 3.129e-9), "H": (1.662, 0.251, 1.133e-9), "KS": (2.159, 0.262, 4.283e-10),
}  # fmt: skip
"""2MASS bands: wavelength and width in micrometre, and the flux density of magnitude 0 in W m-2 um-1 (Cohen, Wheaton
& Megeath 2003, astro-ph/0304350; 2MASS Explanatory Supplement VI.4a). Measured on the library's 59 stars, with boxes
for bands: the median differences from their magnitudes are at most 0.04."""
MOST_MAGNITUDES = 1.5
"""Difference of magnitudes. Measured: at most 1.1, for variable stars."""
LEAST_SMOOTH = 0.9
"""Autocorrelation of the flux. Measured: at least 0.976."""
LEAST_ERROR_STEPS = -0.2
"""Autocorrelation of the steps of the errors' logarithms: -1/2 where each is drawn for itself. Measured: at least
0.139."""
LEAST_LINES = 0.01
"""What a running median of 51 points leaves, over the spectrum's own variation. Measured: at least 0.034."""
LEAST_STAR_LEFT = 10.0
"""Reduced chi square that a cubic or a sine leaves. Measured: at least 290."""
STAR_SCATTER = (0.3, 100.0)
"""Scatter of neighbours over their errors. Measured: 1.2 to 22: stars have lines."""
MOST_SPIKE, MOST_BRIGHT, MOST_NEGATIVE = 30.0, 50.0, 3.0
"""Flux over its running median, over the median of all, and below zero over that. Measured: at most 7.3, 12, and
0.31."""
LEAST_POSITIVE = 0.95
"""Share of positive fluxes. Measured: at least 0.996."""


def check_star(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """A star's spectrum: as bright as its magnitudes, with lines, without noise for flux."""
    for spectrum in file.spectra:
        [part] = points(spectrum)
        positive = float((part.value > 0).mean()) if len(part) else 0.0
        found.note("physics", "flux positive", positive >= LEAST_POSITIVE, f"{positive:.1%} of the points",
                   f"at least {LEAST_POSITIVE:.0%}")  # fmt: skip
        _check_ends(found, file, spectrum)
        _check_brightness(found, file, part)
        dark = int((part.value == 0).sum())
        lit = len(part) >= MANY and dark == 0 and bool(np.ptp(part.value) > 0)
        if not found.note("forensics", "points of a star", lit, f"{len(part)} points, {dark} of them exactly 0",
                          f"at least {MANY}, none exactly 0, which no detector gives (measured: none)"):  # fmt: skip
            continue
        _check_star_course(found, part)


def _check_ends(found: Findings, file: SpectrumFile, spectrum: Spectrum) -> None:
    if file.ends is not None:
        ends = float(np.nanmin(spectrum.wavelength)), float(np.nanmax(spectrum.wavelength))
        good = all(abs(a - b) <= 1e-4 for a, b in zip(ends, file.ends, strict=True))
        found.note("schema", "wavelengths as in the header", good, f"{ends[0]:.6g} to {ends[1]:.6g}",
                   f"{file.ends[0]:.6g} to {file.ends[1]:.6g}")  # fmt: skip


def _check_brightness(found: Findings, file: SpectrumFile, part: Points) -> None:
    off: dict[str, float] = {}
    for band, magnitude in file.magnitudes.items():
        centre, width, zero = ZERO_MAGNITUDE[band]
        inside = np.abs(part.wavelength - centre) <= width / 2
        flux = float(part.value[inside].mean()) if inside.any() else 0.0
        off[band] = -2.5 * float(np.log10(flux / zero)) - magnitude if flux > 0 else np.inf
    if off:
        good = all(abs(one) <= MOST_MAGNITUDES for one in off.values())
        found.note("physics", "as bright as its magnitudes", good,
                   ", ".join(f"{band} off by {one:.2f}" for band, one in off.items()),
                   f"2MASS magnitudes within {MOST_MAGNITUDES:g}")  # fmt: skip


def _check_star_course(found: Findings, part: Points) -> None:
    running = median_filter(part.value, 11, mode="mirror")
    middle = float(np.median(np.abs(part.value)))
    spike = float((part.value / np.maximum(running, 1e-3 * middle)).max())
    bright, negative = float(part.value.max()) / middle, -float(part.value.min()) / middle
    good = spike <= MOST_SPIKE and bright <= MOST_BRIGHT and negative <= MOST_NEGATIVE
    found.note("forensics", "no point out of its course", good, f"one is {spike:.3g} times its neighbours, one "
               f"{bright:.3g} times the median, one {negative:.3g} times the median below zero",
               f"at most {MOST_SPIKE:g}, {MOST_BRIGHT:g} and {MOST_NEGATIVE:g}")  # fmt: skip
    check_stray_error(found, part)
    course = curves.lag_one(part.value)
    found.note("forensics", "no noise for flux", course >= LEAST_SMOOTH, f"autocorrelation {course:.3f}",
               f"at least {LEAST_SMOOTH:g}")  # fmt: skip
    check_turning(found, part)
    steps = curves.lag_one(np.diff(np.log(part.error)))
    found.note("forensics", "errors as a detector has them", steps >= LEAST_ERROR_STEPS,
               f"autocorrelation of their steps {steps:.2f}", f"at least {LEAST_ERROR_STEPS:g}")  # fmt: skip
    check_errors_vary(found, part)
    lines = float(np.std(part.value - median_filter(part.value, 51)) / np.std(part.value))
    found.note("forensics", "lines", lines >= LEAST_LINES, f"{lines:.3f} of the variation is in lines",
               f"at least {LEAST_LINES:g}")  # fmt: skip
    check_scatter(found, part, *STAR_SCATTER)
    check_analytic(found, part, fits(part), LEAST_STAR_LEFT)
