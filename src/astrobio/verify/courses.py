"""Checks of a course of points that spectra of several kinds share: scatter, errors, curves, turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrobio.verify import curves
from astrobio.verify.spectra import Points
from astrobio.verify.verdict import Findings

FEW, SOME, MANY = 20, 100, 400
"""Points from which on scatter, the errors' course, and their relation to the noise are judged."""
MOST_ERROR_JUMP = 200.0
"""How far an error goes from the running median of the errors, as a factor. Measured: at most 37."""
LEAST_DISTINCT = 0.3
"""Share of values that differ. Measured: at least 0.75."""
LEAST_TURNING = -0.25
"""Autocorrelation of the directions in which neighbours differ, where they differ by far more than their errors: -1/3
for noise. Measured: at least -0.16, stars of SpeX, whose pixels are finer than its resolution."""
TURNING_SCATTER = 5.0


def check_values_vary(found: Findings, part: Points) -> None:
    """No constant, and no few levels."""
    distinct = len(np.unique(part.value)) / len(part)
    found.note("forensics", "values that vary", distinct >= LEAST_DISTINCT,
               f"{part.name}{distinct:.0%} of the values differ", f"at least {LEAST_DISTINCT:.0%}")  # fmt: skip


def check_errors_vary(found: Findings, part: Points) -> None:
    """Errors that were measured, and not set."""
    distinct = len(np.unique(part.error))
    found.note("forensics", "errors that vary", distinct > 2, f"{part.name}{distinct} of {len(part)} differ",
               "more than 2 different ones")  # fmt: skip


def check_stray_error(found: Findings, part: Points) -> None:
    """A single error that was changed."""
    jump = curves.largest_jump(part.error)
    found.note("forensics", "no error out of its course", jump <= MOST_ERROR_JUMP, f"{part.name}one is off by a "
               f"factor of {jump:.3g}", f"at most {MOST_ERROR_JUMP:g}")  # fmt: skip


def check_scatter(found: Findings, part: Points, least: float, most: float) -> None:
    """Neighbours differ as much as their errors allow."""
    scatter = curves.scatter_over_error(part.value, part.error)
    found.note("forensics", "scatter as the errors say", least <= scatter <= most,
               f"{part.name}{scatter:.3g} times the errors", f"{least:g} to {most:g}")  # fmt: skip


@dataclass(frozen=True)
class Fits:
    """What analytic curves leave: reduced chi squares by name, and the cycles of the sines."""

    left: dict[str, float]
    cycles: dict[str, float]


def fits(part: Points) -> Fits:
    """Fit a cubic, and sines of wavelength and of the row."""
    cubic = curves.cubic(part.wavelength, part.value, part.error)
    left, cycles = {"a cubic": curves.reduced_chi_square(part.value, part.error, cubic, 4)}, {}
    for name, place in (("a sine", part.wavelength), ("a sine of the row", np.arange(len(part), dtype=float))):
        model, cycles[name] = curves.sine(place, part.value, part.error)
        left[name] = curves.reduced_chi_square(part.value, part.error, model, 4)
    return Fits(left, cycles)


def check_analytic(found: Findings, part: Points, fitted: Fits, least: float) -> None:
    """Something is left by every curve that is fitted."""
    nearest = min(fitted.left, key=lambda name: fitted.left[name])
    found.note("forensics", "no analytic curve", fitted.left[nearest] >= least,
               f"{part.name}{nearest} leaves a reduced chi square of {fitted.left[nearest]:.3g}",
               f"at least {least:g}")  # fmt: skip


def check_turning(found: Findings, part: Points) -> None:
    """Noise on top of any slope, where the errors take it for signal."""
    if len(part) < MANY:
        return
    scatter, turning = curves.scatter_over_error(part.value, part.error), curves.turning(part.value)
    found.note("forensics", "lines, not noise", scatter < TURNING_SCATTER or turning >= LEAST_TURNING,
               f"turns {turning:.2f} at {scatter:.3g} times the errors", f"at least {LEAST_TURNING:g} where neighbours "
               f"differ by {TURNING_SCATTER:g} times their errors")  # fmt: skip
