"""CMIP: monthly output of climate models of Earth, as the Earth System Grid Federation publishes it.

The whole of CMIP6 is petabytes, and is chosen from at ESGF (https://esgf-node.llnl.gov/projects/cmip6/); any NetCDF
file of it can be imported. What is fetched are small files: subsets in time and space that keep all their metadata,
from the test data of roocs (https://github.com/roocs/mini-esgf-data).
"""

from __future__ import annotations

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.netcdf import CLASSIC, HDF5
from astrobio.verify.climate import Rules, check_climate, read_climate
from astrobio.verify.cmip import check_cmip, group_by_model
from astrobio.verify.gates import gates

_SAMPLES = (
    "https://raw.githubusercontent.com/roocs/mini-esgf-data/77efda8f1cf5717ac9ad0545b8a1a80399b2578c/test_data/badc"
)
_FILES = (
    ("cmip6/data/CMIP6/CMIP/NCAR/CESM2/amip/r1i1p1f1/Amon/cl/gn/v20190319",
     "cl_Amon_CESM2_amip_r1i1p1f1_gn_195001-201412.nc",
     "31ca02bdde08ef45a8821f90c45d8fe5c3d5bc5988ae257accde2c627659f56f"),
    ("cmip6/data/CMIP6/ScenarioMIP/MIROC/MIROC6/ssp119/r1i1p1f1/Amon/ta/gn/files/d20190807",
     "ta_Amon_MIROC6_ssp119_r1i1p1f1_gn_201501-202412.nc",
     "a1a1b3d27b8befa83f81c6fe804148e154d6055f94f6d418b69767505186d295"),
    ("cmip6/data/CMIP6/CMIP/MPI-M/ICON-ESM-LR/historical/r1i1p1f1/Amon/tas/gn/v20210215",
     "tas_Amon_ICON-ESM-LR_historical_r1i1p1f1_gn_185001.nc",
     "60abf1e93f66c16d86a8dfb7da47d9d9fd8433aee5b647f8fe63445485b4dc2e"),
    ("cmip6/data/CMIP6/CMIP/IPSL/IPSL-CM6A-LR/historical/r1i1p1f1/Amon/rlds/gr/v20180803",
     "rlds_Amon_IPSL-CM6A-LR_historical_r1i1p1f1_gr_185001-201412.nc",
     "e5980ca7c6176d9964b0e352118d97c90cb0ae320e6a69f4299dd1fac1e77edb"),
    ("cmip5/data/cmip5/output1/NCAR/CCSM4/historical/mon/atmos/Amon/r1i1p1/latest/tas",
     "tas_Amon_CCSM4_historical_r1i1p1_185001-200512.nc",
     "b9935387dae3d9b8f932db19b34606dcd2b679fe8bb7be1d8ac7f80e67756388"),
    ("cmip6/data/CMIP6/CMIP/NOAA-GFDL/GFDL-ESM4/historical/r1i1p1f1/Amon/o3/gr1/v20190726",
     "o3_Amon_GFDL-ESM4_historical_r1i1p1f1_gr1_185001-194912.nc",
     "cfff189d4986289efb2b88f418cd6d65b26b59355b67b73ca26ac8fa12a9f83f"),
)  # fmt: skip

SOURCE = Source(
    name="cmip",
    title="CMIP climate model output",
    holds="monthly fields of Earth's atmosphere from coupled climate models of CMIP5 and CMIP6",
    homepage="https://wcrp-cmip.org",
    licence=Licence(
        name="CMIP terms of use; each file names its own licence",
        url="https://pcmdi.llnl.gov/CMIP6/TermsOfUse/TermsOfUse6-1.html",
        duties="keep to the licence that a file's attribute 'license' names; cite the data sets used and the papers of "
        "CMIP6, acknowledge WCRP, the modelling groups and ESGF, and list the models",
        redistributable=True,
        share_alike=True,
    ),
    citations=(
        Citation(
            "Eyring2016",
            (
                "Eyring, V.",
                "Bony, S.",
                "Meehl, G. A.",
                "Senior, C. A.",
                "Stevens, B.",
                "Stouffer, R. J.",
                "Taylor, K. E.",
            ),
            "Overview of the Coupled Model Intercomparison Project Phase 6 (CMIP6) experimental design and "
            "organization",
            2016,
            "Geoscientific Model Development",
            volume="9",
            number="5",
            pages="1937-1958",
            doi="10.5194/gmd-9-1937-2016",
        ),
    ),
    products=(
        Product(
            name="monthly",
            holds="one variable of one run of one model a file, by month",
            kind="simulation",
            counted="climate files",
            gates=gates(read_climate, check_climate(Rules()), check_cmip),
            ask=StaticFiles(
                tuple(
                    StaticFile(f"{_SAMPLES}/{folder}/{name}", name, signatures=(*CLASSIC, HDF5), sha256=digest)
                    for folder, name, digest in _FILES
                )
            ),
            saved_as=("earth_climate/cmip/*.nc",),
            expected_bytes=2_843_159,
            least=6,
            group=group_by_model,
        ),
    ),
    connections=2,
    acknowledgement="We acknowledge the World Climate Research Programme, which, through its Working Group on Coupled "
    "Modelling, coordinated and promoted CMIP6. We thank the climate modeling groups for producing and making "
    "available their model output, the Earth System Grid Federation (ESGF) for archiving the data and providing "
    "access, and the multiple funding agencies who support CMIP6 and ESGF.",
    notes=(
        "The files that are fetched are subsets of 2 to 6 points in each direction, or one month; files of full size "
        "come from ESGF and are imported: astrobio import cmip FILE",
        "Licences differ by model and by the time of publication: of the files at hand four name CC BY-SA 4.0, one "
        "CC BY-NC-SA 4.0, and that of CMIP5 none. Since October 2022 most of CMIP6 is under CC BY 4.0.",
    ),
)
