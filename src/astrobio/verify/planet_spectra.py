"""Checks of spectra of planets, in transit or eclipse: depths, what a table says twice, and their course."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.formats.spectrum_file import SpectrumFile
from astrobio.verify import curves
from astrobio.verify.courses import (
    FEW,
    MANY,
    SOME,
    Fits,
    check_analytic,
    check_errors_vary,
    check_scatter,
    check_stray_error,
    check_values_vary,
    fits,
)
from astrobio.verify.spectra import Array, Check, Points, points
from astrobio.verify.verdict import Findings

SUN_IN_JUPITERS = 695_700 / 71_492
"""Nominal radius of the Sun over Jupiter's at the equator, in km (IAU 2015 Resolution B3); measured: tables of the
archive have 9.7305 to 9.7319."""
LEAST_DEPTH_ERROR = 1.0
"""ppm. Measured: 14 where the authors do not warn of the point, 3.7 where they do."""
MOST_DEPTH_ERROR = 0.5
"""Of the depth. Measured: at most 0.17."""


def check_depth(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """Depths that a planet can have: it hides some of its star's light and not all, or sends out less than it.

    Noise may carry an eclipse depth below 0, by no more than its error allows.
    """
    for spectrum in file.spectra:
        here = spectrum.measured
        value, error = spectrum.value[here], spectrum.error[here]
        transit = spectrum.quantity == "transit depth"
        low = np.zeros_like(value) if transit else -5 * error
        outside = int(((value <= low) | (value >= 1e6)).sum())
        found.note("physics", "depth", outside == 0, f"{outside} of {len(value)} outside",
                   "0 to 1e6 ppm" if transit else "at most 1e6 ppm, and not below 0 by more than 5 errors")  # fmt: skip


def check_known_planet(depths: dict[str, float]) -> Check:
    """Depths as another catalogue's radii have them.

    Parameters
    ----------
    depths : dict of str to float
        (Rp/Rs)**2 in ppm, by the planet's name. Measured: spectra lie within 10 % of it.
    """

    def check(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
        for spectrum in file.spectra:
            expected = depths.get(spectrum.planet)
            here = spectrum.measured
            if expected is not None and here.any():
                middle = float(np.median(spectrum.value[here]))
                good = 1 / DEPTH_FACTOR <= middle / expected <= DEPTH_FACTOR
                found.note("physics", "depth of this planet", good, f"median {middle:.6g} ppm",
                           f"within a factor of {DEPTH_FACTOR:g} of {expected:.6g} ppm")  # fmt: skip

    return check


DEPTH_FACTOR = 1.5
"""How far spectra of one planet may lie from the depth that its radius gives: stars are spotted, limbs dark."""


def check_radii(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """What a table of the NASA Exoplanet Archive says twice: depth and radius ratio, radius ratio and radius.

    Where the archive calculated one from the other they agree but for rounding (measured: to 7e-5 and 2e-4); where
    papers give both they agree within the error.
    """
    if file.radii is None or not file.spectra:
        return
    radii, [spectrum] = file.radii, file.spectra
    ratio, rounding = radii.ratio, 5e-6
    both = np.isfinite(ratio) & np.isfinite(spectrum.value) & (spectrum.value > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(np.sqrt(np.where(both, spectrum.value, 0) / 1e6) - ratio)
        error = np.fmax(np.fmax(radii.ratio_upper, radii.ratio_lower), rounding)
        allowed = np.where(radii.depth_calculated, 1e-3 * ratio + 2 * rounding, error)
        wrong = int((both & ~(off <= allowed)).sum())
        found.note("physics", "depth as in the radius ratio", wrong == 0,
                   f"{wrong} of {int(both.sum())} differ", "PL_TRANDEP the square of PL_RATROR")  # fmt: skip
        expected = SUN_IN_JUPITERS * radii.star_radius * ratio
        all_three = np.isfinite(expected) & np.isfinite(radii.planet_radius)
        share = np.where(radii.radius_calculated, 2e-3, 0.1)
        wrong = int((all_three & ~(np.abs(radii.planet_radius - expected) <= share * expected + 1e-4)).sum())
        found.note("physics", "radius as in the radius ratio", wrong == 0, f"{wrong} of {int(all_three.sum())} differ",
                   "PL_RADJ = PL_RATROR * ST_RAD")  # fmt: skip
        wrong = _errors_off(spectrum, ratio, radii.ratio_upper, radii.ratio_lower, radii.depth_calculated, rounding)
    found.note("physics", "errors as in the radius ratio", wrong == 0, f"{wrong} of {len(ratio)} differ",
               "the squares of its bounds")  # fmt: skip


def _errors_off(
    spectrum: Spectrum, ratio: Array, upper: Array, lower: Array, calculated: NDArray[np.bool_], rounding: float
) -> int:
    """Rows whose depth has another error than the ratio's (measured: within 5 %, and rounding of either)."""
    wrong = np.zeros(len(ratio), bool)
    for depth_error, ratio_error in ((spectrum.error_upper, upper), (spectrum.error_lower, lower)):
        expected = 2e6 * ratio * ratio_error
        slack = 0.15 * expected + 2e6 * ratio * 2 * rounding
        wrong |= calculated & np.isfinite(depth_error) & ~(np.abs(depth_error - expected) <= slack)
    return int(wrong.sum())


LEAST_SCATTER, MOST_SCATTER = 0.3, 5.0
"""Scatter of neighbours over what their errors allow, spectra of planets. Measured: 0.64 (overlapping bins) to 1.9."""
LEAST_LEFT = 0.05
"""Reduced chi square that a cubic or a sine leaves. Measured: at least 0.64."""
SINE_CYCLES, SINE_LEFT, CUBIC_LEFT = 2.0, 1.5, 3.0
"""A sine of so many cycles that leaves no more than noise, where a cubic leaves much. Measured: where a cubic leaves
3 or more, a sine of 2 cycles leaves at least 2.6."""
LEAST_ERROR_COURSE = 0.15
"""Autocorrelation of the errors' logarithms: throughput, and the star's light, change slowly with wavelength.
Measured: at least 0.35."""
LEAST_RELATION = 0.08
"""Rank correlation of noise and errors where the errors differ. Measured: at least 0.14."""
MOST_AWAY = 15.0
"""How far a point lies from the running median, over the usual distance and its error, or the running median of the
errors where that is less: a point that was changed together with its error is out of its course too. Measured: at most
5.4."""


def check_course(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """Spectra of planets: no constant, no analytic curve, errors and noise that belong together."""
    for spectrum in file.spectra:
        rows = np.column_stack([spectrum.order, spectrum.wavelength, spectrum.value, spectrum.error])
        copies = len(rows) - len(np.unique(rows, axis=0))
        found.note("forensics", "no row twice", copies == 0, f"{copies} copies", "rows that differ")
        for part in points(spectrum):
            if len(part) < 5:
                continue
            check_values_vary(found, part)
            if len(part) >= FEW and np.ptp(part.value) > 0:
                check_scatter(found, part, LEAST_SCATTER, MOST_SCATTER)
                fitted = fits(part)
                check_analytic(found, part, fitted, LEAST_LEFT)
                _check_noisy_sine(found, part, fitted)
                _check_stray(found, part)
            _check_error_course(found, part)


def _check_stray(found: Findings, part: Points) -> None:
    """Single numbers that were changed."""
    away = curves.farthest(part.value, np.fmin(part.error, curves.running_median(part.error)))
    found.note("forensics", "no point out of its course", away <= MOST_AWAY, f"{part.name}one is {away:.3g} times "
               "its error away", f"at most {MOST_AWAY:g}")  # fmt: skip
    check_stray_error(found, part)


def _check_noisy_sine(found: Findings, part: Points, fitted: Fits) -> None:
    cubic = fitted.left["a cubic"]
    worst = ""
    for name, cycles in fitted.cycles.items():
        if cycles >= SINE_CYCLES and LEAST_LEFT <= fitted.left[name] < SINE_LEFT and cubic > CUBIC_LEFT:
            worst = f"{part.name}{name} of {cycles:.1f} cycles leaves {fitted.left[name]:.2f}, a cubic {cubic:.2f}"
    found.note("forensics", "no sine under noise", not worst, worst or f"{part.name}none",
               "structure that no single sine explains")  # fmt: skip


def _check_error_course(found: Findings, part: Points) -> None:
    if len(part) >= FEW:
        check_errors_vary(found, part)
    if len(part) >= SOME and np.ptp(part.error) > 0:
        course = curves.lag_one(np.log(part.error))
        found.note("forensics", "errors as a detector has them", course >= LEAST_ERROR_COURSE,
                   f"{part.name}autocorrelation {course:.2f}", f"at least {LEAST_ERROR_COURSE:g}")  # fmt: skip
    spread = np.percentile(part.error, 90) / np.percentile(part.error, 10)
    if len(part) >= MANY and spread >= 1.5:
        relation = curves.noise_follows_error(part.value, part.error)
        found.note("forensics", "noise where the errors are large", relation >= LEAST_RELATION,
                   f"{part.name}rank correlation {relation:.2f}", f"at least {LEAST_RELATION:g}")  # fmt: skip
