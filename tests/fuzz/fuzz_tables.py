"""Fuzz the gates of sources whose bytes were never seen: mutants of tables made as their documentation has them.

    python tests/fuzz/fuzz_tables.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Each mutant must get a verdict, within the time that one may take and without any exception. What is admitted is read
again by other means: every value is compared with the file and with what the schema promises, and the number of rows
with the count that came with it. What fails is written to a file, with the seed that makes it again, and the program
ends with 1. Not collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import SOURCES, group, product_of, verify
from astrobio.core.provenance import Provenance
from astrobio.formats.delimited import Dialect
from astrobio.formats.exomol import read_master
from astrobio.formats.packed import gunzip
from tests.archives import test_live_sources as made
from tests.fetch.services import table
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import NUMBERS, mutate
from tests.fuzz.rereading import Rows, broken_promise, split
from tests.verify import bad_networks

VALUES = (
    None, True, False, 0, -1, 1.5, 10**30, 1e308, [], {}, [[]], ["a", 1], [None], "", " ", "x" * 50_000, "a; b",
    "\u0661", "2024", "\u2028", "\ufeff", "nan",
)  # fmt: skip


def corpus(mirror: Path) -> dict[str, bytes]:
    """A sound table of each product, by ``SOURCE/PRODUCT``."""
    return {
        "gaia/nearby_stars": table(list(made.GAIA[0]), made.GAIA),
        "simbad/nearby_stars": table(list(made.SIMBAD[0]), made.SIMBAD),
        "simbad/names": table(list(made.NAMES[0]), made.NAMES),
        "vizier/hipparcos_nearby": table(list(made.HIPPARCOS[0]), made.HIPPARCOS),
        "ncbi_assemblies/archaea": made.summary(made.ROWS),
        "gtdb/archaea": ("\n".join(made.GENOMES) + "\n").encode(),
        "uniprot/temperature": ("\n".join(["\t".join(made.LABELS), *made.PROTEINS]) + "\n").encode(),
        "rhea/directions": bad_networks.DIRECTIONS,
        "rhea/ec": bad_networks.LINKS,
        "metanetx/reactions": bad_networks.EQUATIONS,
    }


def offered(key: str, detail: dict[str, Any] | None = None) -> Provenance:
    """The provenance of a file that a user imports, or that came with a count."""
    source, product = key.split("/")
    kind = SOURCES[source].product(product).kind
    told = {"product": product, "name": "file"} | (detail or {})
    return Provenance(source, kind, "declared", "import", f"{product}/file#0", told)


def judge(mutant: Mutant) -> tuple[bool, str]:
    """Whether a table is admitted, and what is wrong with that."""
    provenance = offered(mutant.file, mutant.about)
    verdict = verify(mutant.content, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted:
        return False, "" if verdict.reasons else "refused without a reason"
    group(mutant.content, provenance)
    form = product_of(provenance).table
    assert form is not None
    frame = form.read(mutant.content).frame
    counted = (mutant.about or {}).get("rows_counted", frame.height)
    if counted != frame.height:
        return True, f"{frame.height} rows, and {counted} were counted"
    rows = as_text(mutant, form.dialect)
    return True, broken_promise(rows, frame, form.schema, form.dialect.missing) or _lineages(mutant.file, rows)


def as_text(mutant: Mutant, dialect: Dialect) -> Rows:
    """The rows of a table, read without a parser of ours."""
    plain = gunzip(mutant.content, 1 << 27) if mutant.content.startswith(b"\x1f\x8b") else mutant.content
    if mutant.file.startswith("ads/"):
        return [{name: _as_text(value) for name, value in row.items()} for row in json.loads(plain)["response"]["docs"]]
    text = plain.decode("utf-8").removeprefix("\ufeff")
    names = dialect.columns
    if mutant.file.startswith(("ncbi", "metanetx")):
        lines = text.split("\n")
        begin = next(place for place, line in enumerate(lines) if not line.startswith("#"))
        names = names or tuple(lines[begin - 1].lstrip("# ").rstrip("\r").split("\t"))
        text = "\n".join(lines[begin:])
    return split(text, dialect.separator, dialect.quote is not None, names)


def _as_text(value: Any) -> str | None:
    if isinstance(value, list):
        return "; ".join(str(one) for one in value)
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _lineages(key: str, rows: Rows) -> str:
    """Lineages without a rank, or with a name below two others."""
    if not key.startswith("gtdb/"):
        return ""
    above: dict[str, str] = {}
    for row in rows:
        ranks = str(row["taxonomy"]).split(";")
        if [rank[:3] for rank in ranks] != ["d__", "p__", "c__", "o__", "f__", "g__", "s__"] or not all(
            rank[3:] for rank in ranks
        ):
            return f"{row} is no lineage"
        if any(above.setdefault(rank, over) != over for over, rank in zip(ranks, ranks[1:], strict=False)):
            return f"{row} is below another name"
    return ""


def edit(content: bytes, separator: bytes, rng: random.Random) -> tuple[bytes, list[str]]:
    """A table with other fields; and the names of the changes."""
    rows = [line.split(separator) for line in content.split(b"\n")]
    names = []
    for _ in range(rng.choice((1, 1, 2, 6))):
        row, other = rng.choice(rows[:-1]), rng.choice(rows[:-1])
        place = rng.randrange(len(row))
        kind = rng.choice(("number", "copied field", "swapped rows", "lost field", "text"))
        if kind == "number":
            row[place] = rng.choice(NUMBERS)
        elif kind == "copied field" and place < len(other):
            row[place] = other[place]
        elif kind == "swapped rows":
            row[:], other[:] = other[:], row[:]
        elif kind == "lost field" and len(row) > 1:
            del row[place]
        else:
            row[place] = rng.choice((b"", b" ", b"UN", b"x" * 3000, "\u00e9\u0661".encode(), b'"', b"1e30", b"-0"))
        names.append(kind)
    return b"\n".join(separator.join(row) for row in rows), names


def load_tables(mirror: Path) -> Format:
    """Delimited tables, ready to be fuzzed."""
    files = corpus(mirror)

    def make(rng: random.Random) -> Mutant:
        key = rng.choice(sorted(files))
        comma = key.startswith(("gaia", "simbad", "vizier"))
        counted = {"rows_counted": files[key].count(b"\n") - 1} if comma and rng.random() < 0.5 else None
        if rng.random() < 0.5:
            content, names = edit(files[key], b"," if comma else b"\t", rng)
        else:
            content, names = mutate(files[key], list(files.values()), rng)
        if key.startswith("gtdb") and rng.random() < 0.5:
            content = gzip.compress(content, mtime=0)
            if rng.random() < 0.3:
                content, more = mutate(content, [], rng)
                names += [f"packed {one}" for one in more]
        return Mutant(key, content, names, counted)

    return Format(make, judge)


# -- JSON -----------------------------------------------------------------------------------------------------------
def papers() -> dict[str, Any]:
    """An answer of ADS, as its documentation has it."""
    docs = [{"bibcode": f"2024ApJ...{number:03d}....1A", "title": [f"Habitable worlds {number}"], "year": "2024",
             "author": ["Earth, A.", "Mars, B."], "abstract": f"About {number}.", "doi": [f"10.1000/{number}"]}
            for number in range(8)]  # fmt: skip
    return {"responseHeader": {"status": 0}, "response": {"numFound": 8, "start": 0, "docs": docs}}


def edit_json(document: Any, rng: random.Random) -> tuple[bytes, list[str]]:
    """A document with other values, names or an end; and the names of the changes."""
    document = json.loads(json.dumps(document))
    names = []
    for _ in range(rng.choice((1, 1, 2, 6))):
        place, key = rng.choice(list(_places(document)))
        kind = rng.choice(("value", "dropped", "copied", "renamed"))
        if kind == "value" or isinstance(place, list):
            place[key] = json.loads(json.dumps(rng.choice(VALUES)))  # a list is another one each time
        elif kind == "dropped":
            del place[key]
        elif kind == "copied":
            other, name = rng.choice(list(_places(document)))
            place[key] = json.loads(json.dumps(other[name]))
        else:
            place[rng.choice(("", "id", "\u2028", f"{key}x"))] = place.pop(key)
        names.append(f"json {kind}")
    text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.1:
        text = text.replace('"', '"\\ud800', 1) if rng.random() < 0.5 else text.replace("{", '{"a": NaN, ', 1)
    return text.encode("utf-8", "surrogatepass"), names


def _places(document: Any) -> Sequence[tuple[Any, Any]]:
    """Everywhere in a document where there is a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        one = waiting.pop()
        inside = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, value in inside:
            found.append((one, key))
            waiting.append(value)
    return found or [([None], 0)]


def load_json(_mirror: Path) -> Format:
    """A table in JSON, ready to be fuzzed."""
    document = papers()
    genuine = json.dumps(document).encode()

    def make(rng: random.Random) -> Mutant:
        counted = {"rows_counted": 8, "results_counted": 8} if rng.random() < 0.5 else None
        changed = edit_json(document, rng) if rng.random() < 0.6 else mutate(genuine, [genuine], rng)
        return Mutant("ads/papers", *changed, counted)

    return Format(make, judge)


def load_master(_mirror: Path) -> Format:
    """ExoMol's master file, ready to be fuzzed."""
    genuine = made.master()
    document = json.loads(genuine)

    def make(rng: random.Random) -> Mutant:
        return Mutant("exomol/master", *(edit_json(document, rng) if rng.random() < 0.6 else
                                         mutate(genuine, [genuine], rng)))  # fmt: skip

    return Format(make, judge_master)


def judge_master(mutant: Mutant) -> tuple[bool, str]:
    """Whether a master file is admitted, and what is wrong with that."""
    [product] = SOURCES["exomol"].products
    provenance = offered(f"exomol/{product.name}")
    verdict = verify(mutant.content, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted:
        return False, ""
    group(mutant.content, provenance)
    found, document = read_master(mutant.content), json.loads(mutant.content)
    version = str(document["version"])
    right = (
        document["ID"] == "EXOMOL.master"
        and document["num_molecules"] == len(document["molecules"]) == len(found.molecules)
        and re.fullmatch(r"[0-9]{8}", version) is not None
        and date(2016, 1, 1) <= date(int(version[:4]), int(version[4:6]), int(version[6:])) <= date.today()
    )
    return True, "" if right else f"{document!r:.500}"


FORMATS = {"live_tables": load_tables, "json_table": load_json, "exomol": load_master}

if __name__ == "__main__":
    sys.exit(main(FORMATS, __doc__))
