"""Checks of CMIP files: their global attributes, and a name that fits what is in them.

Attributes and names: CMIP6 Global Attributes, DRS, Filenames, Directory Structure, and CV's
(https://docs.google.com/document/d/1h0r8RZr_f3-8egBMMh7aqLwy3snpD6_MrDz1q8n5XUk), and the same of CMIP5.
"""

from __future__ import annotations

import re

import numpy as np

from astrobio.core.errors import FormatError
from astrobio.core.provenance import Provenance
from astrobio.formats.cf import CfFile
from astrobio.formats.cf_units import dates
from astrobio.formats.netcdf import NetCdf, read_netcdf
from astrobio.verify.verdict import Findings

NEEDED = {
    "CMIP6": ("source_id", "institution_id", "experiment_id", "variant_label", "table_id", "variable_id", "grid_label"),
    "CMIP5": ("model_id", "institute_id", "experiment_id", "table_id"),
}
"""Global attributes that a file of each phase must have."""
_NAME = re.compile(
    r"(?P<variable>[A-Za-z0-9-]+)_(?P<table>[A-Za-z0-9]+)_(?P<model>[A-Za-z0-9-]+)_(?P<experiment>[A-Za-z0-9-]+)_"
    r"(?P<member>r\d+i\d+p\d+(?:f\d+)?)(?:_(?P<grid>g[a-z0-9]+))?(?:_(?P<begin>\d{4,12})(?:-(?P<end>\d{4,12}))?)?\.nc"
)


def phase_of(file: NetCdf) -> str:
    """The phase of CMIP that a file is of; empty where it says none."""
    for attribute in ("mip_era", "project_id"):
        value = str(file.attributes.get(attribute, ""))
        if value in NEEDED:
            return value
    return ""


def model_of(file: NetCdf) -> str:
    """The climate model that made a file; empty where it says none."""
    return str(file.attributes.get("source_id") or file.attributes.get("model_id") or "")


def group_by_model(content: bytes, provenance: Provenance) -> str:
    """What must stay on one side of a split: all files of one model."""
    return f"{provenance.source}/{model_of(read_netcdf(content)) or provenance.key}"


def check_cmip(found: Findings, climate: CfFile, provenance: Provenance) -> None:
    """The checks of a CMIP file."""
    attributes = climate.file.attributes
    phase = phase_of(climate.file)
    if not found.note("schema", "phase", bool(phase), phase or "none named", " or ".join(NEEDED)):
        return
    lacking = [name for name in NEEDED[phase] if not str(attributes.get(name, "")).strip()]
    found.note("schema", "global attributes", not lacking, ", ".join(lacking) or "all there", ", ".join(NEEDED[phase]))
    variable = str(attributes.get("variable_id", ""))
    if variable:
        found.note("schema", "variable", variable in climate.fields, ", ".join(climate.fields), f"a field {variable}")
    licence = str(attributes.get("license", ""))
    found.flag("schema", "licence of the file", "NonCommercial" not in licence, licence[:160] or "none named",
               "no licence that excludes commercial use")  # fmt: skip
    _check_name(found, climate, str(provenance.detail.get("name", "")))


def _check_name(found: Findings, climate: CfFile, name: str) -> None:
    """A file whose name is one of CMIP is what its name says."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        return
    attributes = climate.file.attributes
    table = str(attributes.get("table_id", "")).split()
    said = {
        "variable": str(attributes.get("variable_id", parts["variable"])),
        "model": model_of(climate.file),
        "experiment": str(attributes.get("experiment_id", "")),
        "member": str(attributes.get("variant_label", parts["member"])),
        "table": parts["table"] if parts["table"] in table else " ".join(table[:2]),
    }
    wrong = [f"{part} {value}" for part, value in said.items() if value != parts[part]]
    wrong += [] if parts["variable"] in climate.fields else [f"no field {parts['variable']}"]
    found.note("schema", "name of the file", not wrong, ", ".join(wrong) or "as its attributes say", name)
    if parts["begin"]:
        _check_period(found, climate, parts["variable"], parts["begin"][:6], (parts["end"] or parts["begin"])[:6])


def _check_period(found: Findings, climate: CfFile, variable: str, begin: str, end: str) -> None:
    axis = climate.axis(variable, "time") if variable in climate.fields else None
    if axis is None or axis.coordinate is None:
        return
    time = climate.file.variables[axis.coordinate]
    values = climate.file.values(time.name)
    if not values.size or np.ma.is_masked(values):
        return
    try:
        first, last = dates(np.array([values.min(), values.max()]), time.text("units"), time.text("calendar"))
    except FormatError:
        return
    first_month, last_month = (f"{day.year:04d}{day.month:02d}" for day in (first, last))
    inside = begin <= first_month[: len(begin)] and last_month[: len(end)] <= end
    found.note("physics", "period of the name", inside, f"{first_month} to {last_month}", f"{begin} to {end}")
