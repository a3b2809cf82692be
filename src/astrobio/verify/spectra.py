"""Checks of spectra: of planets in transit or eclipse, of stars, and of whatever JWST has observed.

Bounds that were measured were so on the genuine files of April to November 2026: 24 tables of the NASA Exoplanet
Archive, 17 published transmission spectra, 59 stars of the IRTF library. "Measured: at most 1.9" says how far genuine
spectra go; the bound lies well beyond. What noise looks like is judged only where there are points enough.

Nothing here can prove a spectrum. A featureless one is noise around a constant, as that of K2-18 b at full resolution
is (reduced chi square 1.07): noise with errors of its own size cannot be told from it, and is not refused for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.formats.spectrum_file import SpectrumFile
from astrobio.verify import curves, instruments
from astrobio.verify.tables import SCHEMA_CHECKS
from astrobio.verify.verdict import Findings

Array = NDArray[np.float64]
Check = Callable[[Findings, SpectrumFile, Provenance], None]

SUN_IN_JUPITERS = 695_700 / 71_492
"""Nominal radius of the Sun over Jupiter's at the equator, in km (IAU 2015 Resolution B3); measured: tables of the
archive have 9.7305 to 9.7319."""
FEW, SOME, MANY = 20, 100, 400
"""Points from which on scatter, the errors' course, and their relation to the noise are judged."""
MOST_JUDGED = 8
"""Spectra of a series whose course is judged: it takes time, and one pipeline made them all."""


@dataclass(frozen=True)
class Points:
    """Points of one order, by wavelength: those that are measured, and that the file does not warn of."""

    name: str
    wavelength: Array
    value: Array
    error: Array

    def __len__(self) -> int:
        return len(self.value)


def points(spectrum: Spectrum) -> Iterator[Points]:
    """The measured points of each order, in the order of their wavelengths."""
    sound = spectrum.measured & (spectrum.error > 0) & np.isfinite(spectrum.wavelength)
    for order in sorted({int(one) for one in spectrum.order}):
        here = np.flatnonzero(sound & (spectrum.order == order))
        here = here[np.argsort(spectrum.wavelength[here], kind="stable")]
        name = f"order {order}: " if order else ""
        yield Points(name, spectrum.wavelength[here], spectrum.value[here], spectrum.error[here])


# -- gate 3: schema --------------------------------------------------------------------------------------------


def check_columns(counted: str) -> Check:
    """The columns, types and units of the file's kind; counts its spectra."""

    def check(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
        for name, expected in SCHEMA_CHECKS.items():
            wrong = [what for check, what in file.problems if check == name]
            seen = "; ".join(wrong[:5]) if wrong else f"{sum(map(len, file.spectra))} points"
            found.note("schema", name, not wrong, seen, expected)
        found.counts[counted] = file.tables if file.spectra else 0

    return check


def check_names(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """Whom and what the spectrum is of, with what it was taken, and who published it."""
    for spectrum in file.spectra[:1]:
        said = {"planet or star": spectrum.planet or spectrum.star, "facility": spectrum.facility,
                "instrument": spectrum.instrument}  # fmt: skip
        lacking = [name for name, value in said.items() if not value.strip()]
        seen = f"without {', '.join(lacking)}" if lacking else ", ".join(said.values())
        found.note("schema", "named", not lacking, seen, "an object, a facility and an instrument")


# -- gate 4: physics -------------------------------------------------------------------------------------------


def check_wavelengths(ascending: bool, most_repeated: float = 0.0, most_backwards: float = 0.0) -> Check:
    """Wavelengths that are there, positive and in order.

    Parameters
    ----------
    ascending : bool
        Whether files of this kind always begin with the shortest.
    most_repeated : float
        Share of points that may stand at the wavelength of another. Measured: 3 of 28 in two tables of the NASA
        Exoplanet Archive, bins of several widths around a line; none in any other file.
    most_backwards : float
        Share of steps that may go back. Measured: 1 of 69 in a published list that joins two, else none.
    """

    def check(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
        wrong: list[str] = []
        for spectrum in file.spectra:
            # A pipeline leaves pixels that saw nothing without a wavelength; they have no flux either.
            has = np.isfinite(spectrum.wavelength) | np.isfinite(spectrum.value)
            wavelength = spectrum.wavelength[has]
            if not len(wavelength) or not np.isfinite(wavelength).all() or not (wavelength > 0).all():
                wrong.append("some are not positive numbers")
                continue
            wrong += _disorder(spectrum, has, ascending, most_repeated, most_backwards)
        seen = "; ".join(dict.fromkeys(wrong)) or "each once, in order"
        if file.spectra:
            found.note("physics", "wavelengths", not wrong, seen, "positive, each once, in order")

    return check


def _disorder(
    spectrum: Spectrum, has: NDArray[np.bool_], ascending: bool, most_repeated: float, most_backwards: float
) -> Iterator[str]:
    for order in sorted({int(one) for one in spectrum.order[has]}):
        wavelength = spectrum.wavelength[has & (spectrum.order == order)]
        steps = np.diff(wavelength)
        backwards = int((steps < 0).sum()) if ascending else min(int((steps < 0).sum()), int((steps > 0).sum()))
        repeated = len(wavelength) - len(np.unique(wavelength))
        if backwards > most_backwards * len(steps):
            yield f"{backwards} of {len(steps)} steps go back"
        if repeated > most_repeated * len(wavelength):
            yield f"{repeated} of {len(wavelength)} stand at the wavelength of another"


def check_instrument(least_inside: float = 1.0) -> Check:
    """An instrument that its facility has, and wavelengths that it sees.

    Parameters
    ----------
    least_inside : float
        Share of the points that must lie in its range: all, unless a pipeline writes what lies beyond its detector.
    """

    def check(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
        ranges = []
        for taken in _taken_with(file):
            where, known, named = taken
            found.flag("physics", "facility known here", where is not None, named[0], "one of the table")
            found.flag("physics", "instrument known here", known is not None, named[1], "one of the table")
            good, expected = _belongs(taken)
            found.note("physics", "instrument of the facility", good, " at ".join(reversed(named)), expected)
            text = f"{named[1]} {file.spectra[0].mode} {file.spectra[0].note}"
            ranges.append(instruments.limits(known or instruments.GROUND, text))
        if ranges:
            _check_range(found, file, ranges, least_inside)

    return check


Taken = tuple[instruments.Facility | None, instruments.Instrument | None, tuple[str, str]]


def _taken_with(file: SpectrumFile) -> list[Taken]:
    """Facilities and instruments that a file names, with their names there."""
    found: list[Taken] = []
    for spectrum in file.spectra[:1]:
        for place, tool in instruments.taken_with(spectrum.facility, spectrum.instrument):
            where = instruments.facility(place)
            found.append((where, instruments.instrument(where, tool), (place, tool)))
    return found


def _belongs(taken: Taken) -> tuple[bool, str]:
    where, known, (place, text) = taken
    other = instruments.elsewhere(where, text)
    if where is not None and where.complete:
        return known is not None, f"one of {', '.join(one.name for one in where.instruments)}"
    if known is None and other is not None and place:
        return False, f"{other[1].name} is at {other[0].name}"
    return True, "an instrument that its facility has"


def _check_range(
    found: Findings, file: SpectrumFile, ranges: list[tuple[str, float, float]], least_inside: float
) -> None:
    shares, ends = [], []
    for spectrum in file.spectra:
        valued = np.isfinite(spectrum.value) if np.isfinite(spectrum.value).any() else True
        wavelength = spectrum.wavelength[np.isfinite(spectrum.wavelength) & valued]
        inside = np.zeros(len(wavelength), bool)
        for _, low, high in ranges:
            inside |= (wavelength >= low) & (wavelength <= high)
        shares.append(float(inside.mean()) if len(wavelength) else 0.0)
        ends += [float(wavelength.min()), float(wavelength.max())] if len(wavelength) else []
    seen = f"{min(ends):.6g} to {max(ends):.6g}, {min(shares):.0%} inside" if ends else "none"
    sees = " or ".join(f"{low:.4g} to {high:.4g} micrometre, which {name} sees" for name, low, high in ranges)
    found.note("physics", "range of the instrument", min(shares) >= least_inside, seen, sees)


def check_dates(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """Observed and published when the instrument existed, and not after today."""
    taken = _taken_with(file)
    if not taken:
        return
    today = datetime.now(UTC).date().isoformat()
    first = min((known.first if known else "") or (where.first if where else "") or _NO_BOUND
                for where, known, _ in taken)  # fmt: skip
    until = max((where.last if where else "") or today for where, _, _ in taken)
    wrong = [f"{what} {day}" for what, day in file.dates
             if not first <= day <= (until if what == "observed" else today)]  # fmt: skip
    if file.published is not None and not int(first[:4]) <= file.published <= int(today[:4]):
        wrong.append(f"published {file.published}")
    said = [day for _, day in file.dates] + ([str(file.published)] if file.published else [])
    seen = "; ".join(wrong[:3]) or (f"{min(said)} to {max(said)}" if said else "no date")
    found.note("physics", "dates", not wrong, seen, f"{first} to {until}")


_NO_BOUND = "1900-01-01"
"""Where nobody looked up since when an instrument observes."""


def check_values(least_present: float) -> Check:
    """Values that are there.

    Parameters
    ----------
    least_present : float
        Share of the points that have one. Measured: all in spectra of planets, at least 0.85 in those of stars, which
        have gaps where the atmosphere is opaque.
    """

    def check(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
        if not file.spectra:
            return
        present = max(float(np.isfinite(one.value).mean()) for one in file.spectra)
        measured = max(int(one.measured.sum()) for one in file.spectra)
        good = present >= least_present and measured > 0
        found.note("physics", "values", good, f"{present:.0%} of the points have one, {measured} with an error",
                   f"at least {least_present:.0%}, and one with an error")  # fmt: skip

    return check


def check_errors(least: float, most_relative: float) -> Check:
    """Uncertainties that are positive, and of a size that observations have.

    Parameters
    ----------
    least : float
        The least, in the unit of the values.
    most_relative : float
        The median error over the median value, at most.
    """

    def check(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
        negative, judged, small, relative, skewed = 0, 0, 0, 0.0, 0
        for spectrum in file.spectra:
            here = spectrum.measured
            upper, lower = spectrum.error_upper[here], spectrum.error_lower[here]
            negative += int(((upper <= 0) | (lower <= 0)).sum())
            small += int((spectrum.error[here] < least).sum())
            judged += int(here.sum())
            with np.errstate(divide="ignore", invalid="ignore"):
                skewed += int((np.abs(np.log(upper / lower)) > np.log(MOST_SKEW)).sum())
            if here.any():
                middle = abs(float(np.median(spectrum.value[here])))
                relative = max(relative, float(np.median(spectrum.error[here])) / middle if middle else np.inf)
        if not judged:
            return
        found.note("physics", "errors positive", negative == 0, f"{negative} of {judged} are not", "all above 0")
        good = small == 0 and relative <= most_relative
        found.note("physics", "errors plausible", good, f"{small} of {judged} below {least:g}; the median is "
                   f"{relative:.3g} of the value", f"at least {least:g}, at most {most_relative:g} of it")  # fmt: skip
        found.flag("physics", "errors of one size up and down", skewed == 0, f"{skewed} of {judged} are not",
                   f"within a factor of {MOST_SKEW:g}")  # fmt: skip

    return check


MOST_SKEW = 5.0
"""Upper over lower uncertainty, or the reverse. Measured: at most 1.17."""
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


# -- gate 5: forensics -----------------------------------------------------------------------------------------

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
MOST_ERROR_JUMP = 200.0
"""How far an error goes from the running median of the errors, as a factor. Measured: at most 37."""
LEAST_DISTINCT = 0.3
"""Share of values that differ. Measured: at least 0.75."""


def check_course(found: Findings, file: SpectrumFile, _provenance: Provenance) -> None:
    """Spectra of planets: no constant, no analytic curve, errors and noise that belong together."""
    for spectrum in file.spectra:
        rows = np.column_stack([spectrum.order, spectrum.wavelength, spectrum.value, spectrum.error])
        copies = len(rows) - len(np.unique(rows, axis=0))
        found.note("forensics", "no row twice", copies == 0, f"{copies} copies", "rows that differ")
        for part in points(spectrum):
            if len(part) < 5:
                continue
            distinct = len(np.unique(part.value)) / len(part)
            found.note("forensics", "values that vary", distinct >= LEAST_DISTINCT,
                       f"{part.name}{distinct:.0%} of the values differ", f"at least {LEAST_DISTINCT:.0%}")  # fmt: skip
            if len(part) >= FEW and np.ptp(part.value) > 0:
                _check_scatter(found, part, LEAST_SCATTER, MOST_SCATTER)
                fitted = fits(part)
                _check_analytic(found, part, fitted, LEAST_LEFT)
                _check_noisy_sine(found, part, fitted)
                _check_stray(found, part)
            _check_error_course(found, part)


def _check_stray(found: Findings, part: Points) -> None:
    """Single numbers that were changed."""
    away = curves.farthest(part.value, np.fmin(part.error, curves.running_median(part.error)))
    found.note("forensics", "no point out of its course", away <= MOST_AWAY, f"{part.name}one is {away:.3g} times "
               "its error away", f"at most {MOST_AWAY:g}")  # fmt: skip
    _check_stray_error(found, part)


def _check_stray_error(found: Findings, part: Points) -> None:
    jump = curves.largest_jump(part.error)
    found.note("forensics", "no error out of its course", jump <= MOST_ERROR_JUMP, f"{part.name}one is off by a "
               f"factor of {jump:.3g}", f"at most {MOST_ERROR_JUMP:g}")  # fmt: skip


def _check_scatter(found: Findings, part: Points, least: float, most: float) -> None:
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


def _check_analytic(found: Findings, part: Points, fitted: Fits, least: float) -> None:
    nearest = min(fitted.left, key=lambda name: fitted.left[name])
    found.note("forensics", "no analytic curve", fitted.left[nearest] >= least,
               f"{part.name}{nearest} leaves a reduced chi square of {fitted.left[nearest]:.3g}",
               f"at least {least:g}")  # fmt: skip


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
        distinct = len(np.unique(part.error))
        found.note("forensics", "errors that vary", distinct > 2, f"{part.name}{distinct} of {len(part)} differ",
                   "more than 2 different ones")  # fmt: skip
    if len(part) >= SOME and np.ptp(part.error) > 0:
        course = curves.lag_one(np.log(part.error))
        found.note("forensics", "errors as a detector has them", course >= LEAST_ERROR_COURSE,
                   f"{part.name}autocorrelation {course:.2f}", f"at least {LEAST_ERROR_COURSE:g}")  # fmt: skip
    spread = np.percentile(part.error, 90) / np.percentile(part.error, 10)
    if len(part) >= MANY and spread >= 1.5:
        relation = curves.noise_follows_error(part.value, part.error)
        found.note("forensics", "noise where the errors are large", relation >= LEAST_RELATION,
                   f"{part.name}rank correlation {relation:.2f}", f"at least {LEAST_RELATION:g}")  # fmt: skip


# -- spectra of stars ------------------------------------------------------------------------------------------

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
LEAST_TURNING = -0.25
"""Autocorrelation of the directions in which neighbours differ, where they differ by far more than their errors: -1/3
for noise. Measured: at least -0.16, stars of SpeX, whose pixels are finer than its resolution."""
TURNING_SCATTER = 5.0
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
    _check_stray_error(found, part)
    course = curves.lag_one(part.value)
    found.note("forensics", "no noise for flux", course >= LEAST_SMOOTH, f"autocorrelation {course:.3f}",
               f"at least {LEAST_SMOOTH:g}")  # fmt: skip
    _check_turning(found, part)
    steps = curves.lag_one(np.diff(np.log(part.error)))
    found.note("forensics", "errors as a detector has them", steps >= LEAST_ERROR_STEPS,
               f"autocorrelation of their steps {steps:.2f}", f"at least {LEAST_ERROR_STEPS:g}")  # fmt: skip
    distinct = len(np.unique(part.error))
    found.note("forensics", "errors that vary", distinct > 2, f"{distinct} of {len(part)} differ",
               "more than 2 different ones")  # fmt: skip
    lines = float(np.std(part.value - median_filter(part.value, 51)) / np.std(part.value))
    found.note("forensics", "lines", lines >= LEAST_LINES, f"{lines:.3f} of the variation is in lines",
               f"at least {LEAST_LINES:g}")  # fmt: skip
    _check_scatter(found, part, *STAR_SCATTER)
    _check_analytic(found, part, fits(part), LEAST_STAR_LEFT)


def _check_turning(found: Findings, part: Points) -> None:
    """Noise on top of any slope, where the errors take it for signal."""
    if len(part) < MANY:
        return
    scatter, turning = curves.scatter_over_error(part.value, part.error), curves.turning(part.value)
    found.note("forensics", "lines, not noise", scatter < TURNING_SCATTER or turning >= LEAST_TURNING,
               f"turns {turning:.2f} at {scatter:.3g} times the errors", f"at least {LEAST_TURNING:g} where neighbours "
               f"differ by {TURNING_SCATTER:g} times their errors")  # fmt: skip


# -- JWST ------------------------------------------------------------------------------------------------------

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
FIRST_CALIBRATION = r"\d+\.\d+"


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
    found.note("schema", "version of the pipeline", re.match(FIRST_CALIBRATION, calibrated) is not None,
               calibrated or "none named", "its number")  # fmt: skip
    name = header.get("FILENAME", "")
    fits = _FILE_NAME.fullmatch(name)
    good = fits is not None and programme.isdigit() and int(fits[1]) == int(programme)
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
    distinct = len(np.unique(part.value)) / len(part)
    found.note("forensics", "values that vary", distinct >= LEAST_DISTINCT, f"{distinct:.0%} of the values differ",
               f"at least {LEAST_DISTINCT:.0%}")  # fmt: skip
    errors = len(np.unique(part.error))
    found.note("forensics", "errors that vary", errors > 2, f"{errors} of {len(part)} differ",
               "more than 2 different ones")  # fmt: skip
    if np.ptp(part.value) == 0:
        return
    _check_analytic(found, part, fits(part), LEAST_JWST_LEFT)
    _check_turning(found, part)
