"""Metadata of a pack in Croissant, the JSON-LD vocabulary by which search engines and loaders know data sets.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html, version 1.0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from astrobio.archives.registry import source
from astrobio.datasets.pack import SAMPLES, TABLES, Pack, PackFile
from astrobio.datasets.packs import DATA_SETS
from astrobio.report.citations import citations_of

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_CR = ("citeAs", "column", "conformsTo", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
       "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
       "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField",
       "transform")  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/", "sc": "https://schema.org/", **{name: f"cr:{name}" for name in _CR},
    "conformsTo": "dct:conformsTo", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "examples": {"@id": "cr:examples", "@type": "@json"},
}  # fmt: skip
"""The context that the specification gives (section "Namespaces and context")."""
_KINDS = (("bool", "sc:Boolean"), ("int", "sc:Integer"), ("uint", "sc:Integer"), ("double", "sc:Float"),
          ("float", "sc:Float"))  # fmt: skip


def describe(path: Path, store: str | Path | None = None) -> dict[str, Any]:
    """The metadata of a pack: its files with their digests, its tables with their columns, licences and citations.

    Parameters
    ----------
    path : Path
        The pack's folder.
    store : path, optional
        Where its records are.

    Raises
    ------
    DataMissing, IntegrityError, RefusedInput
        If there is no pack, or a file of it has changed.
    """
    pack = Pack.open(path)
    owed = citations_of(path, store)
    name = pack.manifest.source
    known = DATA_SETS.get(name)
    sample = known.sample if known else "a run of a climate model"
    holds = known.holds if known else source(name).holds
    tables = [file for file in pack.manifest.files if not file.is_shard()]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": name,
        "description": f"{holds[0].upper()}{holds[1:]}. A sample is {sample}; there are {len(pack)}.",
        "url": f"urn:sha256:{pack.digest}",
        "version": f"0.0.0+{pack.digest[:16]}",
        "license": sorted({source(one).licence.url for one in owed.sources}),
        "citeAs": owed.bibtex,
        "isBasedOn": [source(one).homepage for one in owed.sources],
        "distribution": [_file_object(pack, file) for file in pack.manifest.files],
        "recordSet": [_record_set(pack, file) for file in tables],
    }


def croissant_json(document: dict[str, Any]) -> str:
    """The document as text."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _file_object(pack: Pack, file: PackFile) -> dict[str, Any]:
    kind = "application/x-parquet" if not file.is_shard() else "application/vnd.safetensors"
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{(pack.path / file.path).stat().st_size} B",
        "encodingFormat": kind,
        "sha256": file.sha256,
    }


def _record_set(pack: Pack, file: PackFile) -> dict[str, Any]:
    import pyarrow.parquet as parquet

    name = "samples" if file.path == SAMPLES else file.path.removeprefix(f"{TABLES}/").removesuffix(".parquet")
    schema = parquet.read_schema(pack.path / file.path)
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"{file.samples} rows",
        "field": [_field(name, file.path, column.name, column.type) for column in schema],
    }


def _field(record_set: str, path: str, column: str, kind: Any) -> dict[str, Any]:
    several = str(kind).startswith(("list", "large_list"))
    plain = str(kind.value_type if several else kind)
    found = next((name for begin, name in _KINDS if plain.startswith(begin)), "sc:Text")
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column}",
        "name": column,
        "dataType": found,
        **({"repeated": True} if several else {}),
        "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
    }
