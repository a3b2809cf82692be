"""The archive of ThousandWorlds: one of its layout is admitted, others are refused; only its release counts."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest

from astrobio.archives.registry import verify
from astrobio.archives.thousandworlds import SOURCE
from astrobio.core.provenance import Provenance
from astrobio.formats.thousandworlds import GRID, RELEASE, Layout, field_names
from astrobio.verify.thousandworlds import thousandworlds_gates

SMALL = Layout(
    runs={"all-obs": 6, "complete-obs-only": 4}, levels={"all-obs": 10, "complete-obs-only": 9},
    parts={"multi-partial/train": 4, "multi-partial/test": 2}, most_members=20, most_bytes=32 << 20,
)  # fmt: skip
PROVENANCE = Provenance("thousandworlds", "simulation", "declared", "import", "dataset/dataset.tar.gz#0")
INPUTS = "simulation_id,radius,gravity,rotation_period,surface_pressure,co2,ch4,stellar_flux,stellar_temperature," \
    "gcm_label,is_target_gcm,in_target_physical_domain,planet_id,source\n"  # fmt: skip


class Made:
    """The parts of a small archive, to be changed before it is packed."""

    def __init__(self) -> None:
        row = "{0},6371000.0,9.8,{0}.5,100000.0,0.0004,0.0,900.0,3000.0,um,True,True,{0},this work\n"
        self.files: dict[str, bytes] = {
            "inputs.csv": (INPUTS + "".join(row.format(number) for number in range(6))).encode(),
            "subsets/multi-partial/train.csv": b"simulation_id\n0\n1\n2\n3\n",
            "subsets/multi-partial/test.csv": b"simulation_id\n4\n5\n",
            "README.md": b"# Dataset layout\n",
        }  # fmt: skip
        self.fields = {name: fields(count, SMALL.levels[name]) for name, count in SMALL.runs.items()}
        self.fields["all-obs"][2, 21] = np.nan  # A field that a simulation lacks.
        self.names = {name: field_names(levels) for name, levels in SMALL.levels.items()}

    def content(self) -> bytes:
        for name, values in self.fields.items():
            stream = io.BytesIO()
            np.savez_compressed(stream, simulation_id=np.arange(len(values), dtype=np.int32),
                                field_names=np.array(self.names[name]), fields=values)  # fmt: skip
            self.files.setdefault(f"fields/{name}.npz", stream.getvalue())
        return tarred({f"dataset/{name}": found for name, found in self.files.items()})


def tarred(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def fields(runs: int, levels: int) -> np.ndarray:
    """Fields of planets that are warm under their star; each a little different."""
    north, east = np.meshgrid(np.linspace(-1.5, 1.5, GRID[0]), np.linspace(0, 6.2, GRID[1]), indexing="ij")
    values = []
    for run in range(runs):
        star = np.cos(north) * np.cos(east - np.pi + 0.1 * run)
        by_name = {
            "surface_temperature": 250 + 40 * np.clip(star, -0.2, 1), "asr_cloudy": 900 * np.clip(star, 0, 1) ** 1.1,
            "olr_cloudy": 200 + 60 * star, "temperature": 230 + 20 * star, "specific_humidity": 0.003 * np.exp(star),
            "cloud_fraction": np.clip(0.4 + 0.5 * star, 0, 1), "u": 20 * np.sin(east) * np.cos(north), "v": 5 * star,
        }  # fmt: skip
        values.append([by_name[name.rstrip("0123456789").rstrip("_")] for name in field_names(levels)])
    return np.array(values, dtype=np.float32)


def judge(made: Made | bytes):
    return thousandworlds_gates(SMALL, digest=None)(made.content() if isinstance(made, Made) else made, PROVENANCE)


def failing(verdict) -> set[tuple[str, str]]:
    return {(one.gate, one.check) for one in verdict.findings if not one.passed and one.severity == "refuse"}


def test_an_archive_of_its_layout_is_admitted():
    verdict = judge(Made())
    assert verdict.admitted, verdict.render()
    assert verdict.counts == {"simulations": 6}


def test_only_the_bytes_of_the_release_are():
    verdict = verify(Made().content(), PROVENANCE)
    assert failing(verdict) == {("transfer", "release")}
    [product] = SOURCE.products
    assert (product.least, product.default, sum(RELEASE.runs.values())) == (1760, False, 3419)
    assert (len(field_names(10)), len(field_names(9))) == (53, 48)


def with_file(name: str, content: bytes) -> Made:
    made = Made()
    made.files[name] = content
    return made


def with_fields(change, name: str = "all-obs") -> Made:
    made = Made()
    made.fields[name] = change(made.fields[name]).astype(np.float32)
    return made


def set_at(place, value):
    def change(values):
        values = values.copy()
        values[place] = value
        return values

    return change


CASES = {
    "parameters that no planet has": (
        lambda: with_file("inputs.csv", Made().files["inputs.csv"].replace(b"6371000.0", b"6371.0", 1)),
        ("schema", "ranges of the parameters")),
    "a model that is none": (
        lambda: with_file("inputs.csv", Made().files["inputs.csv"].replace(b",um,", b",mine,", 1)),
        ("schema", "ranges of the parameters")),
    "a simulation twice": (
        lambda: with_file("inputs.csv", Made().files["inputs.csv"].replace(b"\n1,", b"\n0,", 1)),
        ("schema", "keys of the parameters")),
    "a column renamed": (
        lambda: with_file("inputs.csv", Made().files["inputs.csv"].replace(b"gravity", b"weight", 1)),
        ("schema", "columns of the parameters")),
    "a part of other size": (
        lambda: with_file("subsets/multi-partial/test.csv", b"simulation_id\n4\n"), ("schema", "parts of the subsets")),
    "a part of simulations that are none": (
        lambda: with_file("subsets/multi-partial/test.csv", b"simulation_id\n4\n99\n"),
        ("schema", "parts name simulations")),
    "a split that leaks": (
        lambda: with_file("subsets/multi-partial/test.csv", b"simulation_id\n3\n5\n"),
        ("forensics", "train and test apart")),
    "a field missing in part": (
        lambda: with_fields(set_at((0, 0, 3, 4), np.nan)), ("physics", "all-obs is whole or missing")),
    "a complete field that is missing": (
        lambda: with_fields(set_at((1, 3), np.nan), "complete-obs-only"), ("physics", "complete-obs-only is complete")),
    "a temperature that no planet has": (
        lambda: with_fields(set_at((0, 0), 5000.0)), ("physics", "ranges of all-obs")),
    "more cloud than sky": (
        lambda: with_fields(lambda values: values + 0.5), ("physics", "ranges of all-obs")),
    "noise": (
        lambda: with_fields(set_at((slice(None), 0), np.random.default_rng(0).normal(260, 20, (6, *GRID)))),
        ("forensics", "all-obs is smooth")),
    "one run for all": (
        lambda: with_fields(lambda values: np.repeat(values[:1], 6, axis=0)), ("forensics", "runs of all-obs differ")),
    "fewer runs": (lambda: with_fields(lambda values: values[:5]), ("format", "parsed whole")),
    "another grid": (lambda: with_fields(lambda values: values[..., ::2]), ("format", "parsed whole")),
    "pickled objects": (
        lambda: with_fields_file(np.array([{"a": 1}], dtype=object)), ("format", "parsed whole")),
    "garbage for fields": (
        lambda: with_file("fields/all-obs.npz", b"PK\x03\x04" + bytes(100)), ("format", "parsed whole")),
    "a file of fields that is none of its own": (
        lambda: with_file("fields/extra.npz", b""), ("format", "parsed whole")),
    "no fields": (lambda: tarred({"dataset/inputs.csv": Made().files["inputs.csv"]}), ("format", "parsed whole")),
    "a path out of it": (lambda: tarred({"dataset/../../etc/passwd": b"x"}), ("format", "parsed whole")),
    "an absolute path": (lambda: tarred({"/etc/passwd": b"x"}), ("format", "parsed whole")),
    "many files": (lambda: tarred({f"dataset/{n}": b"" for n in range(30)}), ("format", "parsed whole")),
    "a bomb": (lambda: tarred({"dataset/zeros": bytes(33 << 20)}), ("format", "parsed whole")),
    "no tar": (lambda: gzip.compress(b"x" * 2000), ("format", "parsed whole")),
    "half a tar": (lambda: Made().content()[:20_000], ("format", "parsed whole")),
    "a page": (lambda: b"<!doctype html><title>Sign in</title>", ("transfer", "no page")),
}  # fmt: skip


def with_fields_file(values: np.ndarray) -> Made:
    stream = io.BytesIO()
    np.savez(stream, simulation_id=np.arange(6), field_names=np.array(field_names(10)), fields=values)
    return with_file("fields/all-obs.npz", stream.getvalue())


@pytest.mark.parametrize("name", CASES)
def test_bad_archives_are_refused_each_by_its_check(name):
    make, expected = CASES[name]
    verdict = judge(make())
    assert expected in failing(verdict), verdict.render()


def test_a_link_is_refused():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo("dataset/inputs.csv")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    verdict = judge(stream.getvalue())
    assert "is a link or a device" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("old", "new"), [(b"'descr'", b"'descr\n"), (b"(6, 53, 32, 64)", b"(6, 53, 32, 64 "), (b"{'descr", b"{{descr")]
)
def test_a_header_of_an_array_that_is_no_python_is_refused(old, new):
    """What fuzzing found: numpy reads headers as Python, and not all that its tokenizer raises is a ValueError."""
    stream = io.BytesIO(Made().content())
    with tarfile.open(fileobj=stream) as tar:
        files = {one.name.removeprefix("dataset/"): tar.extractfile(one).read() for one in tar}
    with zipfile.ZipFile(io.BytesIO(files["fields/all-obs.npz"])) as packed:
        arrays = {name: packed.read(name) for name in packed.namelist()}
    assert old in arrays["fields.npy"][:128]
    arrays["fields.npy"] = arrays["fields.npy"][:128].replace(old, new) + arrays["fields.npy"][128:]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in arrays.items():
            packed.writestr(name, content)
    assert failing(judge(with_file("fields/all-obs.npz", stream.getvalue()))) == {("format", "parsed whole")}


@pytest.mark.parametrize("number", ["\u00b2", "9" * 5000])
def test_digits_that_are_no_number_are_refused(number):
    made = Made()
    made.files["inputs.csv"] = made.files["inputs.csv"].replace(b"\n0,", f"\n{number},".encode(), 1)
    assert ("schema", "types of the parameters") in failing(judge(made))
