"""Names of organisms, so that records of one species are found together however each table writes it.

What is done is spelling only: case, underscores, the parts of a binomial name. That two names are one species is known
to catalogues of taxonomy, and to tables that give the same tax_id to both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PART = re.compile(r"[^\s_]+")
_UNNAMED = ("sp", "sp.", "spp", "spp.")


@dataclass(frozen=True)
class Organism:
    """An organism by its name.

    Attributes
    ----------
    genus : str
        With a capital letter.
    species : str
        The epithet in small letters; empty where the species has no name of its own, as *Synechocystis* sp. has none.
    strain : str
        What follows, as it is written; empty where nothing does.
    """

    genus: str
    species: str
    strain: str = ""

    @property
    def key(self) -> str:
        """One spelling of the species; of one that has no name the strain belongs to it.

        >>> organism("Synechocystis sp. PCC6803").key == organism("synechocystis_sp_pcc_6803").key
        True
        """
        if self.species:
            return f"{self.genus} {self.species}".lower()
        return f"{self.genus} sp. {re.sub(r'[^a-z0-9]', '', self.strain.lower())}".lower()


def organism(name: str) -> Organism | None:
    """The organism that a name is of; none where there is no binomial name.

    >>> organism("escherichia_coli")
    Organism(genus='Escherichia', species='coli', strain='')
    >>> organism("Methanosarcina barkeri Fusaro").strain
    'Fusaro'
    """
    parts = _PART.findall(name)
    if parts and parts[0].lower() == "candidatus":
        parts = parts[1:]
    if len(parts) < 2 or not re.fullmatch(r"\[?[A-Za-z][A-Za-z-]+\]?", parts[0]):
        return None
    genus, epithet, strain = parts[0].strip("[]").capitalize(), parts[1].lower(), " ".join(parts[2:])
    if epithet in _UNNAMED:
        return Organism(genus, "", strain) if strain else None
    return Organism(genus, epithet, strain) if re.fullmatch(r"[a-z][a-z-]+", epithet) else None
