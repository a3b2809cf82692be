"""Fuzz the gates of abstracts and of pages of OAI-PMH: mutants of genuine ones, for as long as is asked.

    python tests/fuzz/fuzz_text.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Each mutant must get a verdict, within the time that one may take and without any exception; of what is admitted the
text data set must be made, and it may hold no broken character, no paper twice and no day to come in more records than
the gates allow. What fails is written to a file, with the seed that makes it again, and the program ends with 1. Not
collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from datetime import date
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group, verify
from astrobio.core.errors import FormatError
from astrobio.datasets.text import collect
from astrobio.formats.packed import gunzip
from astrobio.store.storage import Record
from astrobio.verify.prose import broken_characters
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import mutate
from tests.verify import bad_text as making

FORMS = {"json_lines": ["abstracts.jsonl.gz", "abstracts.jsonl"], "oai": ["page.xml"]}
"""Formats, and the files that are of them."""
PIECES = (
    "\u0000", "\ufffd", "\U0001f680", "<div>", "&amp;", "&#0;", "\\(", "$", "\\[", "\u202e", "\u00c3\u00a9", "\n",
    " " * 50, "a\u0301", "\u2028", "the of", "1e999", "\x85", "]]>", "<!--",
)  # fmt: skip
VALUES = (
    None, True, 0, -1, 1.5, [], {}, "", " ", "x" * 50_000, ["a"], {"a": 1}, "2023-05-02", "9999-12-31", "0001-01-01",
)  # fmt: skip


def corpus(mirror: Path) -> dict[str, list[bytes]]:
    """Genuine abstracts by form: packed, plain, and as pages."""
    rows = making.rows(mirror, 40)
    packed = [making.packed(rows[:10]), making.packed(rows), making.packed(rows[:1])]
    pages = [making.oai_page(rows[:10], token="1|2"), making.oai_page(rows[:3], deleted=3), making.oai_error()]
    return {
        "abstracts.jsonl.gz": packed,
        "abstracts.jsonl": [gzip.decompress(one) for one in packed],
        "page.xml": pages,
    }


def edit(mirror: Path, form: str, rng: random.Random) -> tuple[bytes, list[str]]:
    """Rows with other values, as lines or as a page; and the names of the changes."""
    rows = making.rows(mirror, rng.choice((1, 3, 12, 40)))
    names = []
    for _ in range(rng.choice((1, 2, 5, 40))):
        row, key = rng.choice(rows), rng.choice(("id", "announced", "title", "authors", "subjects", "abstract"))
        kind = rng.choice(("value", "piece", "cut", "swap", "copy", "shuffle"))
        text = str(row[key])
        place = rng.randrange(len(text) + 1)
        if kind == "value":
            row[key] = rng.choice(VALUES)
        elif kind == "piece":
            row[key] = text[:place] + rng.choice(PIECES) * rng.choice((1, 1, 30)) + text[place:]
        elif kind == "cut":
            row[key] = text[:place]
        elif kind == "swap":
            other = rng.choice(sorted(row))
            row[key], row[other] = row[other], row[key]
        elif kind == "copy":
            row[key] = rng.choice(rows)[key]
        else:
            words = text.split()
            rng.shuffle(words)
            row[key] = " ".join(words)
        names.append(f"{kind} of {key}")
    if form != "page.xml":
        return making.packed(rows), names
    whole = [row | {name: str(value) for name, value in row.items()} for row in rows]
    whole = [row | {"announced": row["announced"] if _is_day(row["announced"]) else "2023-05-02"} for row in whole]
    return making.oai_page(whole), names


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).year > 1 and len(text) == 10
    except ValueError:
        return False


def implausible(product: str, mutant: bytes) -> str:
    """What is wrong with an admitted file; empty where nothing is."""
    provenance = making.offered(product, "file")
    record = Record("d" * 64, len(mutant), "curated", "arxiv", provenance.key, "g", "declared", provenance.to_json())
    texts = collect([(record, mutant)])
    count = len(texts.texts) + len(texts.dropped)
    broken = [text.id for text in texts.texts if broken_characters(text.title + text.text)]
    late = [text.id for text in texts.texts if text.date > f"{date.today().year + 1}"]
    if len(broken) > max(1, 0.01 * count) or late:
        return f"{broken} have broken characters, {late} are of days to come"
    return "" if len({text.id for text in texts.texts}) == len(texts.texts) else "a paper comes twice"


def judge(mutant: Mutant) -> tuple[bool, str]:
    """Whether a mutant is admitted, and what is wrong with that."""
    product = "oai" if mutant.file.endswith(".xml") else "abstracts"
    provenance = making.offered(product, mutant.file)
    verdict = verify(mutant.content, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted:
        return False, ""
    group(mutant.content, provenance)
    return True, implausible(product, mutant.content)


def load(names: list[str], mirror: Path) -> Format:
    """A format ready to be fuzzed."""
    files = corpus(mirror)

    def make(rng: random.Random) -> Mutant:
        if rng.random() < 0.4:
            return Mutant(names[-1], *edit(mirror, names[-1], rng))
        name = rng.choice(names)
        content, changes = mutate(rng.choice(files[name]), files[names[-1]], rng)
        if name.endswith("gz") and rng.random() < 0.3:
            content = _packed_again(content)
        return Mutant(name, content, changes)

    return Format(make, judge)


def _packed_again(mutant: bytes) -> bytes:
    try:
        return gzip.compress(gunzip(mutant, 1 << 24), mtime=0)
    except FormatError:
        return gzip.compress(mutant, mtime=0)


if __name__ == "__main__":
    sys.exit(main({name: partial(load, names) for name, names in FORMS.items()}, __doc__))
