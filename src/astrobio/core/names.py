"""Names of stars and planets, so that records of one star are found together however each archive writes it.

What is done is spelling only: case, spaces, dashes, Greek letters. That two different names are one star (HD 75732 is
55 Cnc) is known to catalogues of aliases, not here.
"""

from __future__ import annotations

import re
import unicodedata

GREEK: dict[str, tuple[str, str]] = {
    "alpha": ("α", "alf"), "beta": ("β", "bet"), "gamma": ("γ", "gam"), "delta": ("δ", "del"),
    "epsilon": ("ε", "eps"), "zeta": ("ζ", "zet"), "eta": ("η", "eta"), "theta": ("θ", "tet"),
    "iota": ("ι", "iot"), "kappa": ("κ", "kap"), "lambda": ("λ", "lam"), "mu": ("μ", "mu."), "nu": ("ν", "nu."),
    "xi": ("ξ", "ksi"), "omicron": ("ο", "omi"), "pi": ("π", "pi."), "rho": ("ρ", "rho"), "sigma": ("σ", "sig"),
    "tau": ("τ", "tau"), "upsilon": ("υ", "ups"), "phi": ("φ", "phi"), "chi": ("χ", "chi"), "psi": ("ψ", "psi"),
    "omega": ("ω", "ome"),
}  # fmt: skip
"""Greek letters of Bayer's names: in full, as a character, and as SIMBAD abbreviates them (its dictionary of
nomenclature of celestial objects, acronym ``*``)."""

_WRITTEN = {
    form: full for full, (character, short) in GREEK.items() for form in (full, character, short, short.rstrip("."))
}
_BAYER = re.compile(rf"^({'|'.join(sorted(map(re.escape, _WRITTEN), key=len, reverse=True))})(?![a-zα-ω])[\s._-]*")
_PAIR = re.compile(r"\s*\((?:AB|ABC|BC)\)", re.IGNORECASE)
_PLANET = re.compile(r"(?:(?<=[\s)])[b-j]|(?<=\d)[b-j]|(?<=[A-D])\s*[b-j])$")
_CANDIDATE = re.compile(r"(?<=\d)\.\d\d$")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")


def host_of(planet: str) -> str:
    """The star, or pair of stars, that a planet's name belongs to: the name without the planet's letter.

    Planets are lettered from b, in the order of their discovery; candidates of Kepler and TESS are numbered
    ``.01``, ``.02`` and on. A name without either is a star's already, and comes back as it is.

    Parameters
    ----------
    planet : str
        As ``WASP-39 b``, ``K2-18b``, ``Kepler-16 (AB) b``, ``TOI-700.01``.

    >>> [host_of(name) for name in ("WASP-39 b", "K2-18b", "Kepler-16 (AB) b", "GJ 667 C c", "TOI-700.01", "HD 6130")]
    ['WASP-39', 'K2-18', 'Kepler-16', 'GJ 667 C', 'TOI-700', 'HD 6130']
    """
    name = _spaced(planet)
    if name[:3].upper() in ("KOI", "TOI", "EPI"):
        name = _CANDIDATE.sub("", name)
    return _PAIR.sub("", _PLANET.sub("", name)).strip()


def planet_key(planet: str) -> tuple[str, str]:
    """What to compare planets by: the canonical name of the star, and what is left of the planet's name.

    Case tells a planet from a star here: ``HD 3651 b`` is a planet of the star whose companion is ``HD 3651 B``.

    >>> planet_key("HD 3651 b"), planet_key("HD 3651B"), planet_key("TOI-700.01"), planet_key("Kepler-16 (AB) b")
    (('hd3651', 'b'), ('hd3651b', ''), ('toi700', '.01'), ('kepler16', 'b'))
    """
    host, whole = host_of(planet), _PAIR.sub("", _spaced(planet))
    return canonical(host), whole[len(host) :].strip()


def canonical(name: str) -> str:
    """One spelling for all spellings of a name, to compare and to group by; not for people.

    Lower case; Greek letters in full; no spaces, dashes, underscores or dots, but one dash where spaces or dashes
    part digits from digits, and a dot between digits. A plus stays: ``BD+10 3166`` is another star than
    ``BD-10 3166``.

    Parameters
    ----------
    name : str
        Of a star or a planet.

    >>> canonical("WASP-39") == canonical("wasp 39") == canonical("WASP_39")
    True
    >>> [canonical(name) for name in ("α Cen B", "alf Cen B", "Alpha Cen B", "mu. Ara", "K2-18", "BD+10 3166")]
    ['alphacenb', 'alphacenb', 'alphacenb', 'muara', 'k2-18', 'bd+10-3166']
    """
    text = _PAIR.sub("", _spaced(name)).removeprefix("* ").casefold()
    bayer = _BAYER.match(text)
    if bayer and text[bayer.end() :]:
        text = _WRITTEN[bayer[1]] + text[bayer.end() :]
    parted = re.sub(r"(?<=\d)[\s-]+(?=\d)", "~", text)
    return re.sub(r"(?<!\d)\.|\.(?!\d)|[\s'*-]", "", parted).replace("~", "-")


def _spaced(name: str) -> str:
    """Without what fonts and editors do to a name: one form of each character, plain dashes, single spaces."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", name))
    return " ".join(text.replace("_", " ").split())
