"""Constellations in names of stars: the genitive that some catalogues write, and the IAU's abbreviation of others.

The 88 abbreviations are those of the IAU (https://vizier.cds.unistra.fr/vizier/VizieR/constellations.htx); the
genitives stand beside them in the table of https://mintaka.aavso.org/tags/constellation. Genitives that are no other
word than the abbreviation need no entry.
"""

from __future__ import annotations

import re

GENITIVES: dict[str, str] = {
    "Andromedae": "And", "Antliae": "Ant", "Apodis": "Aps", "Aquarii": "Aqr", "Aquilae": "Aql", "Arae": "Ara",
    "Arietis": "Ari", "Aurigae": "Aur", "Bootis": "Boo", "Boötis": "Boo", "Caeli": "Cae", "Camelopardalis": "Cam",
    "Cancri": "Cnc", "Canum Venaticorum": "CVn", "Canis Majoris": "CMa", "Canis Minoris": "CMi", "Capricorni": "Cap",
    "Carinae": "Car", "Cassiopeiae": "Cas", "Centauri": "Cen", "Cephei": "Cep", "Ceti": "Cet", "Chamaeleontis": "Cha",
    "Circini": "Cir", "Columbae": "Col", "Comae Berenices": "Com", "Coronae Australis": "CrA",
    "Coronae Borealis": "CrB", "Corvi": "Crv", "Crateris": "Crt", "Crucis": "Cru", "Cygni": "Cyg", "Delphini": "Del",
    "Doradus": "Dor", "Draconis": "Dra", "Equulei": "Equ", "Eridani": "Eri", "Fornacis": "For", "Geminorum": "Gem",
    "Gruis": "Gru", "Herculis": "Her", "Horologii": "Hor", "Hydrae": "Hya", "Hydri": "Hyi", "Indi": "Ind",
    "Lacertae": "Lac", "Leonis": "Leo", "Leonis Minoris": "LMi", "Leporis": "Lep", "Librae": "Lib", "Lupi": "Lup",
    "Lyncis": "Lyn", "Lyrae": "Lyr", "Mensae": "Men", "Microscopii": "Mic", "Monocerotis": "Mon", "Muscae": "Mus",
    "Normae": "Nor", "Octantis": "Oct", "Ophiuchi": "Oph", "Orionis": "Ori", "Pavonis": "Pav", "Pegasi": "Peg",
    "Persei": "Per", "Phoenicis": "Phe", "Pictoris": "Pic", "Piscium": "Psc", "Piscis Austrini": "PsA",
    "Puppis": "Pup", "Pyxidis": "Pyx", "Reticuli": "Ret", "Sagittae": "Sge", "Sagittarii": "Sgr", "Scorpii": "Sco",
    "Sculptoris": "Scl", "Scuti": "Sct", "Serpentis": "Ser", "Sextantis": "Sex", "Tauri": "Tau", "Telescopii": "Tel",
    "Trianguli": "Tri", "Trianguli Australis": "TrA", "Tucanae": "Tuc", "Ursae Majoris": "UMa", "Ursae Minoris": "UMi",
    "Velorum": "Vel", "Virginis": "Vir", "Volantis": "Vol", "Vulpeculae": "Vul",
}  # fmt: skip
"""Abbreviation of each constellation by its genitive."""
_GENITIVE = re.compile(rf"(?<=[^\W_] )(?:{'|'.join(sorted(GENITIVES, key=len, reverse=True))})(?!\w)")


def abbreviated(name: str) -> str:
    """A star's or a planet's name with its constellation abbreviated; other names as they are.

    >>> [abbreviated(name) for name in ("mu Arae c", "iota Draconis", "8 Ursae Minoris b", "Proxima Centauri", "Indi")]
    ['mu Ara c', 'iota Dra', '8 UMi b', 'Proxima Cen', 'Indi']
    """
    return _GENITIVE.sub(lambda found: GENITIVES[found[0]], name)
