"""Fuzz the gates of abstracts and of pages of OAI-PMH: mutants of genuine ones, for as long as is asked.

    python tests/fuzz/fuzz_text.py --seconds 600 --mirror DIR [--seed N] [--record FILE]

Each mutant must get a verdict, within the time that one may take and without any exception; of what is admitted the
text data set must be made, and it may hold no broken character, no paper twice and no day to come in more records than
the gates allow. What fails is written to a file, with the seed that makes it again, and the program ends with 1. Not
collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group, verify
from astrobio.core.errors import FormatError
from astrobio.datasets.text import collect
from astrobio.formats.packed import gunzip
from astrobio.store.storage import Record
from astrobio.verify.prose import broken_characters
from tests.fuzz.mutation import mutate
from tests.verify import bad_text as making

LONGEST = 20.0
"""Seconds that a verdict may take; the genuine file of 8,875 abstracts takes 4."""
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


def edit(mirror: Path, rng: random.Random) -> tuple[str, bytes, list[str]]:
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
    if rng.random() < 0.5:
        return "abstracts.jsonl", making.packed(rows), names
    whole = [row | {name: str(value) for name, value in row.items()} for row in rows]
    whole = [row | {"announced": row["announced"] if _is_day(row["announced"]) else "2023-05-02"} for row in whole]
    return "page.xml", making.oai_page(whole), names


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


def judge(name: str, mutant: bytes) -> tuple[bool, str]:
    """Whether a mutant is admitted, and what is wrong with that."""
    product = "oai" if name.endswith(".xml") else "abstracts"
    provenance = making.offered(product, name)
    verdict = verify(mutant, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted:
        return False, ""
    group(mutant, provenance)
    return True, implausible(product, mutant)


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


def fuzz(mirror: Path, seconds: float, seed: int, finds: Path) -> dict[str, Any]:
    """Fuzz for so long; what was run, and what was found."""
    files = corpus(mirror)
    runs: Counter[str] = Counter()
    admitted: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    slowest, found = (0.0, 0), []
    signal.signal(signal.SIGALRM, _late)
    begun, number = time.monotonic(), seed
    while time.monotonic() - begun < seconds:
        rng = random.Random(number)
        if rng.random() < 0.4:
            name, mutant, names = edit(mirror, rng)
        else:
            name = rng.choice(sorted(files))
            others = files["abstracts.jsonl" if name.endswith("gz") else name]
            mutant, names = mutate(rng.choice(files[name]), others, rng)
            if name.endswith("gz") and rng.random() < 0.3:
                mutant = _packed_again(mutant)
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        began, wrong = time.monotonic(), ""
        try:
            good, wrong = judge(name, mutant)
            admitted[name] += good
        except TimeoutError:
            wrong = f"no verdict within {LONGEST} s"
        except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
            wrong = traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        slowest = max(slowest, (time.monotonic() - began, number))
        runs[name] += 1
        changes.update(names)
        if wrong:
            finds.mkdir(parents=True, exist_ok=True)
            (finds / f"{number}-{name}").write_bytes(mutant)
            found.append({"seed": number, "file": name, "changes": names, "wrong": wrong})
            print(f"{name} seed {number} {names}: {wrong}", file=sys.stderr, flush=True)
        number += 1
    return {
        "seconds": round(time.monotonic() - begun, 1), "first_seed": seed, "runs": sum(runs.values()),
        "runs_by_form": dict(runs), "admitted_by_form": dict(admitted), "changes": dict(changes),
        "slowest_s": round(slowest[0], 2), "slowest_seed": slowest[1], "found": found,
    }  # fmt: skip


def _packed_again(mutant: bytes) -> bytes:
    try:
        return gzip.compress(gunzip(mutant, 1 << 24), mtime=0)
    except FormatError:
        return gzip.compress(mutant, mtime=0)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mirror", type=Path, default=os.environ.get("ASTROBIO_MIRROR"))
    parser.add_argument("--finds", type=Path, default=Path("fuzz-finds"))
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    if options.mirror is None:
        parser.error("--mirror or ASTROBIO_MIRROR must name a folder of genuine files")
    warnings.simplefilter("error")  # as in the tests: a warning that nobody hears is a failure
    record = fuzz(Path(options.mirror), options.seconds, options.seed, options.finds)
    text = json.dumps(record, indent=2)
    print(text)
    if options.record:
        options.record.write_text(text + "\n", encoding="utf-8")
    return 1 if record["found"] else 0


if __name__ == "__main__":
    sys.exit(main())
