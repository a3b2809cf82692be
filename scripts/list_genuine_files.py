"""Write the list of genuine files that the package carries: those of a mirror that pass their gates today.

    python scripts/list_genuine_files.py /data/archive

A file that no source's patterns name is left out, and one that the gates refuse is an error: either the file is not
genuine, or a gate is wrong.
"""

from __future__ import annotations

import csv
import sys
from datetime import date
from pathlib import Path

from astrobio.archives.genuine import INDEX, GenuineFile
from astrobio.archives.registry import SOURCES
from astrobio.core.hashing import sha256_files
from astrobio.fetch.bringing import Brought
from astrobio.fetch.mirror import product_of
from astrobio.store.judging import judge


def main() -> None:
    """Judge every file of the mirror and write the list."""
    root = Path(sys.argv[1])
    with open(root / "INDEX.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = []
    for row in rows:
        for source in SOURCES.values():
            product = product_of(source, row["path"])
            if product is not None:
                found.append((row, source, product))
    digests = sha256_files([root / row["path"] for row, _, _ in found])
    items = []
    for (row, source, product), digest in zip(found, digests, strict=True):
        if digest != row["sha256"]:
            sys.exit(f"{row['path']} is not what the index says")
        brought = Brought(product.name, Path(row["path"]).name, root / row["path"], "pinned", "import")
        items.append((str(root / row["path"]), brought.provenance(source, digest).to_json()))
    refused = 0
    for (row, _, _), verdict in zip(found, judge(items, isolated=True), strict=True):
        if not verdict.admitted:
            refused += 1
            print(f"{row['path']}: {'; '.join(verdict.reasons)}", file=sys.stderr)
    if refused:
        sys.exit(f"{refused} files are refused; the list stays as it was")
    today = date.today().isoformat()
    with open(INDEX, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(GenuineFile.__dataclass_fields__)
        for row, source, product in found:
            writer.writerow([source.name, product.name, row["path"], row["bytes"], row["sha256"], row["origin"],
                             row["licence"], today])  # fmt: skip
    left = len(rows) - len(found)
    print(f"{len(found)} files pass their gates; {left} of the mirror's {len(rows)} belong to no source")


if __name__ == "__main__":
    main()
