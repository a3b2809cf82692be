"""A planet run: one climate simulation of one planet, and the bytes that stand for it.

The bytes are a safetensors file. Its header carries the parameters, every input file, the outcome and the
diagnostics that were computed from the simulator's raw output; its tensors are the reduced fields as
16-bit integers with a stated step, so that the same run gives the same bytes on every machine whose
simulator gives the same climate. What differs between two makings of one run (wall time, binary, host
system) belongs to the provenance beside the bytes, not into them.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FORMAT = "astrobio.planet_run/1"
Start = Literal["warm", "cold"]
Outcome = Literal["completed", "timeout", "crashed", "not_finite", "out_of_range"]

PLANCK_B = 2.09
"""Slope of the outgoing long-wave flux with temperature, W m-2 K-1 (VPLanet's ``dPlanckB``)."""


@dataclass(frozen=True)
class PlanetParameters:
    """The nine parameters of a planet in the energy-balance ensemble.

    Values are rounded to six significant digits on construction, so that the text of an input file, the
    record and the hash of the parameters all speak of the same number.

    >>> PlanetParameters.earth().planck_a
    203.3
    """

    stellar_flux: float = field(metadata={"units": "W m-2", "low": 0.65 * 1361.0, "high": 1.5 * 1361.0})
    obliquity: float = field(metadata={"units": "degree", "low": 0.0, "high": 90.0})
    eccentricity: float = field(metadata={"units": "1", "low": 0.0, "high": 0.3})
    longitude_of_pericentre: float = field(metadata={"units": "degree", "low": 0.0, "high": 360.0})
    heat_diffusion: float = field(metadata={"units": "W m-2 K-1", "low": 0.2, "high": 1.8})
    co2_partial_pressure: float = field(metadata={"units": "bar", "low": 1e-5, "high": 0.1})
    land_fraction: float = field(metadata={"units": "1", "low": 0.05, "high": 0.95})
    mixed_layer_depth: float = field(metadata={"units": "m", "low": 10.0, "high": 150.0})
    ice_albedo: float = field(metadata={"units": "1", "low": 0.5, "high": 0.7})

    def __post_init__(self) -> None:
        for item in fields(self):
            value = float(getattr(self, item.name))
            object.__setattr__(self, item.name, float(f"{value:.6g}"))

    @property
    def planck_a(self) -> float:
        """Outgoing long-wave flux at 0 degrees Celsius, W m-2: 203.3 - 5.35 ln(pCO2 / 3.3e-4 bar).

        The slope is the radiative forcing of CO2 of Myhre et al. 1998, Geophys. Res. Lett. 25, 2715.
        """
        return float(f"{203.3 - 5.35 * math.log(self.co2_partial_pressure / 3.3e-4):.8g}")

    @classmethod
    def earth(cls) -> PlanetParameters:
        """Present Earth, the control of every ensemble."""
        return cls(1361.0, 23.44, 0.0167, 102.9, 0.58, 3.3e-4, 0.34, 70.0, 0.6)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(item.name for item in fields(cls))

    @classmethod
    def units(cls) -> dict[str, str]:
        """Units of each parameter."""
        return {item.name: item.metadata["units"] for item in fields(cls)}

    @classmethod
    def limits(cls) -> dict[str, tuple[float, float]]:
        """Range of each parameter in the ensemble, as (low, high)."""
        return {item.name: (item.metadata["low"], item.metadata["high"]) for item in fields(cls)}

    def group(self) -> str:
        """What must stay on one side of a split: the hash of the parameters, the same for both starts."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class FieldSpec:
    """A field of the datacube: its axes, units, and the step to which it is rounded."""

    name: str
    axes: tuple[str, ...]
    units: str
    step: float
    offset: float
    low: float
    high: float
    long_name: str


SEASONS, LATITUDES, PROFILE_LATITUDES = 12, 32, 64

FIELDS: tuple[FieldSpec, ...] = (
    FieldSpec("surface_temperature", ("season", "latitude"), "K", 0.02, 273.15, 50.0, 900.0, "surface temperature"),
    FieldSpec(
        "absorbed_shortwave", ("season", "latitude"), "W m-2", 0.1, 0.0, 0.0, 3270.0, "absorbed stellar radiation"
    ),
    FieldSpec(
        "outgoing_longwave", ("season", "latitude"), "W m-2", 0.1, 0.0, 0.0, 1900.0, "outgoing long-wave radiation"
    ),
    FieldSpec(
        "transport_divergence",
        ("season", "latitude"),
        "W m-2",
        0.1,
        0.0,
        -3270.0,
        3270.0,
        "divergence of heat transport",
    ),
    FieldSpec(
        "albedo", ("profile_latitude",), "1", 1e-4, 0.0, 0.0, 1.0, "annual mean of the surface-plus-cloud albedo"
    ),
    FieldSpec(
        "land_temperature_max", ("profile_latitude",), "K", 0.02, 273.15, 50.0, 900.0, "yearly maximum over land"
    ),
    FieldSpec(
        "water_temperature_max", ("profile_latitude",), "K", 0.02, 273.15, 50.0, 900.0, "yearly maximum over water"
    ),
)
FIELD = {spec.name: spec for spec in FIELDS}
AXIS_LENGTH = {"season": SEASONS, "latitude": LATITUDES, "profile_latitude": PROFILE_LATITUDES}


def quantise(spec: FieldSpec, values: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round a field to its step; the error is at most half a step.

    Raises
    ------
    ValueError
        If a value is not finite or lies outside what 16 bits hold.

    >>> quantise(FIELD["albedo"], np.array([0.30004])).tolist()
    [3000]
    """
    scaled = np.rint((np.asarray(values, dtype=np.float64) - spec.offset) / spec.step)
    if not np.all(np.isfinite(scaled)) or np.any(np.abs(scaled) > 32767):
        raise ValueError(f"{spec.name} holds a value that is not finite or beyond {32767 * spec.step:g} {spec.units}")
    return scaled.astype(np.int16)


def dequantise(spec: FieldSpec, steps: NDArray[np.int16]) -> NDArray[np.float64]:
    """Values of a field in its units.

    >>> dequantise(FIELD["albedo"], np.array([3000], dtype=np.int16)).tolist()
    [0.3]
    """
    return np.round(steps.astype(np.float64) * spec.step + spec.offset, 6)


@dataclass(frozen=True)
class PlanetRun:
    """One climate simulation of one planet, as it is kept.

    ``steps`` holds, by field name, the rounded values as int16; it is empty unless the run completed.
    """

    parameters: PlanetParameters
    start: Start
    design: str
    index: int
    simulator: str
    inputs: dict[str, str]
    outcome: Outcome
    diagnostics: dict[str, float]
    steps: dict[str, NDArray[np.int16]]

    @property
    def key(self) -> str:
        """Name of the run within its ensemble, for people."""
        return f"{self.design}-{self.index:06d}-{self.start}"

    def values(self, name: str) -> NDArray[np.float64]:
        """Field ``name`` in its units."""
        return dequantise(FIELD[name], self.steps[name])

    def metadata(self) -> dict[str, object]:
        """All but the fields, ready for JSON."""
        return {
            "format": FORMAT,
            "kind": "simulation",
            "simulator": self.simulator,
            "design": self.design,
            "index": self.index,
            "start": self.start,
            "parameters": asdict(self.parameters),
            "inputs": self.inputs,
            "outcome": self.outcome,
            "diagnostics": self.diagnostics,
            "fields": {
                name: {"axes": FIELD[name].axes, "units": FIELD[name].units, "step": FIELD[name].step,
                       "offset": FIELD[name].offset}
                for name in sorted(self.steps)
            },
        }  # fmt: skip

    def to_bytes(self) -> bytes:
        """The run as a safetensors file; equal runs give equal bytes.

        The header is written here and not by the safetensors library, whose order of metadata keys is not
        fixed; the library reads what comes out.
        """
        header: dict[str, object] = {
            "__metadata__": {"astrobio": json.dumps(self.metadata(), sort_keys=True, separators=(",", ":"))}
        }
        position, blobs = 0, []
        for name in sorted(self.steps):
            blob = np.ascontiguousarray(self.steps[name], dtype="<i2").tobytes()
            header[name] = {
                "dtype": "I16",
                "shape": list(self.steps[name].shape),
                "data_offsets": [position, position + len(blob)],
            }
            position += len(blob)
            blobs.append(blob)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + b"".join(blobs)

    @classmethod
    def from_bytes(cls, content: bytes) -> PlanetRun:
        """Read what :meth:`to_bytes` wrote.

        Raises
        ------
        ValueError
            If the bytes are not a whole planet run; the message says in which part they fail.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            tensors = load(content)
            length = int.from_bytes(content[:8], "little")
            metadata = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["astrobio"])
        except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"not a safetensors file with a planet run's header: {error}") from error
        if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
            raise ValueError("the header does not name the format " + FORMAT)
        try:
            return cls.from_parts(metadata, tensors)
        except (KeyError, TypeError) as error:
            raise ValueError(f"the header lacks or misstates {error}") from error

    @classmethod
    def from_parts(cls, metadata: dict, tensors: dict[str, NDArray]) -> PlanetRun:
        """A run from its metadata and its rounded fields: the parts of which its bytes are made.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a part is lacking, or is of another type.
        """
        _check_types(metadata)
        return cls(
            parameters=PlanetParameters(**metadata["parameters"]),
            start=metadata["start"],
            design=metadata["design"],
            index=metadata["index"],
            simulator=metadata["simulator"],
            inputs=dict(metadata["inputs"]),
            outcome=metadata["outcome"],
            diagnostics=dict(metadata["diagnostics"]),
            steps={name: tensors[name] for name in sorted(tensors)},
        )


def _check_types(metadata: dict) -> None:
    texts = {name: metadata[name] for name in ("start", "design", "simulator", "outcome")}
    texts |= {f"inputs, {name}": text for name, text in dict(metadata["inputs"]).items()}
    wrong = [name for name, text in texts.items() if not isinstance(text, str)]
    if isinstance(metadata["index"], bool) or not isinstance(metadata["index"], int):
        wrong.append("index")
    if wrong:
        raise TypeError(", ".join(wrong))


HOT_LONGWAVE = 300.0
"""Annual mean outgoing flux, W m-2, from which a climate is labelled hot."""

STATES = ("hot", "snowball", "ice_free", "partial_ice")


def ice_fraction(
    land_fraction: float, land_temperature_max: NDArray[np.float64], water_temperature_max: NDArray[np.float64]
) -> float:
    """Ice-covered share of the surface from the yearly maxima (K) on bands of equal area.

    Land keeps ice where its warmest moment is at most -2 degrees Celsius, water where it is below.

    >>> ice_fraction(0.5, np.array([260.0, 280.0]), np.array([280.0, 280.0]))
    0.25
    """
    land = float(np.mean(np.asarray(land_temperature_max) <= 271.15 + 1e-9))
    water = float(np.mean(np.asarray(water_temperature_max) < 271.15 - 1e-9))
    return land_fraction * land + (1.0 - land_fraction) * water


def climate_state(outgoing_longwave: float, snowball: bool, ice: float) -> str:
    """Name of the climate's state; the order of the questions is part of the definition.

    >>> climate_state(240.0, False, 0.0)
    'ice_free'
    """
    if outgoing_longwave >= HOT_LONGWAVE:
        return "hot"
    if snowball:
        return "snowball"
    return "ice_free" if ice < 0.001 else "partial_ice"
