"""Climates of Earth from other models, and from a reanalysis: files that test data sets of xarray and Iris hold.

They show what climate files are like elsewhere: packed values, a rotated pole, an ensemble, a region in detail.
"""

from __future__ import annotations

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.netcdf import CLASSIC, HDF5
from astrobio.verify.climate import Rules, check_climate, read_climate
from astrobio.verify.gates import gates

_IRIS = "https://raw.githubusercontent.com/SciTools/iris-test-data/5a419d4e50036470408f0a9aeaf06696ecc2087f/test_data"
_XARRAY = "https://raw.githubusercontent.com/pydata/xarray-data/58de68cb45bcbd1557df11a92827758495481b4e"
_SIMULATED = (
    ("NetCDF/global/xyt/SMALL_total_column_co2.nc", "38a6f260033f23d13f98fc40e7562fe8c123b0391688675389f62fdd2197b992"),
    ("NetCDF/testing/small_theta_colpex.nc", "80e995049bd89c3037ac56cd22b2717773932dc8a7cea438669cc76f8ce6c0cb"),
    ("NetCDF/rotated/xyt/small_rotPole_precipitation.nc",
     "0db6d85ddd42580ad0205a4cc7dd558ab729c4f51d3fd0e2b4b1564f345f57fc"),
    ("NetCDF/label_and_climate/small_FC_167_mon_19601101.nc",
     "f10fb21762441ec54c2b8658ed3bc779207b3a864d68e0a2ad6926f17bbf3bc0"),
)  # fmt: skip

SOURCE = Source(
    name="earth_climate",
    title="Climates of Earth",
    holds="fields of regional and global models, an ensemble of forecasts, and monthly means of ERA-Interim",
    homepage="https://github.com/SciTools/iris-test-data",
    licence=Licence(
        name="UK Open Government Licence (models); ECMWF (ERA-Interim)",
        url="https://www.nationalarchives.gov.uk/doc/open-government-licence/",
        duties="name the source; cite Dee et al. 2011 for ERA-Interim",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Dee2011",
            ("Dee, D. P.", "Uppala, S. M.", "Simmons, A. J.", "Berrisford, P.", "Poli, P.", "others"),
            "The ERA-Interim reanalysis: configuration and performance of the data assimilation system",
            2011,
            "Quarterly Journal of the Royal Meteorological Society",
            volume="137",
            number="656",
            pages="553-597",
            doi="10.1002/qj.828",
        ),
    ),
    products=(
        Product(
            name="models",
            holds="carbon dioxide of the column, precipitation, temperatures: four models",
            kind="simulation",
            counted="climate files",
            gates=gates(read_climate, check_climate(Rules())),
            ask=StaticFiles(
                tuple(
                    StaticFile(f"{_IRIS}/{path}", path.rpartition("/")[2], signatures=(*CLASSIC, HDF5), sha256=digest)
                    for path, digest in _SIMULATED
                )
            ),
            saved_as=("earth_climate/SMALL_*.nc", "earth_climate/small_*.nc"),
            expected_bytes=7_476_082,
            least=4,
        ),
        Product(
            name="reanalysis",
            holds="wind and geopotential at 200, 500 and 850 hPa in January and July",
            kind="reanalysis",
            counted="reanalysis files",
            gates=gates(read_climate, check_climate(Rules(past=True, counted="reanalysis files"))),
            ask=StaticFile(
                f"{_XARRAY}/eraint_uvz.nc",
                "eraint_uvz.nc",
                signatures=CLASSIC,
                sha256="8f4cd0f75418a8e8f8f957c3b007f49e68a58d1bdd0e028adeeb057889f635d2",
            ),
            saved_as=("earth_climate/eraint_*.nc",),
            expected_bytes=4_168_980,
        ),
    ),
    connections=2,
    unconfirmed=("The repository of the reanalysis file states no licence; ECMWF's terms were not read here.",),
    notes=(
        "The saved file of column carbon dioxide says kg m**-2 and holds parts per million: this is noted beside it.",
        "ERA5 needs a token and a licence accepted at the Climate Data Store; files of it can be imported: "
        "astrobio import earth_climate FILE --product reanalysis",
    ),
)
