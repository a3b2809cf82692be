"""Checks that every spectrum passes: columns and names, wavelengths, instrument, dates, values and errors.

What planets, stars and JWST's files must hold beyond stands in ``planet_spectra``, ``stellar_spectra`` and ``jwst``.

Bounds that were measured were so on the genuine files of April to November 2026: 24 tables of the NASA Exoplanet
Archive, 17 published transmission spectra, 59 stars of the IRTF library. "Measured: at most 1.9" says how far genuine
spectra go; the bound lies well beyond. What noise looks like is judged only where there are points enough.

Nothing here can prove a spectrum. A featureless one is noise around a constant, as that of K2-18 b at full resolution
is (reduced chi square 1.07): noise with errors of its own size cannot be told from it, and is not refused for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.formats.spectrum_file import SpectrumFile
from astrobio.verify import instruments
from astrobio.verify.tables import SCHEMA_CHECKS
from astrobio.verify.verdict import Findings

Array = NDArray[np.float64]
Check = Callable[[Findings, SpectrumFile, Provenance], None]


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
