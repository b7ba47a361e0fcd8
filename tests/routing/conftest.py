"""Where the built data sets are, and small tables for the tests that do not need them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]  # netaddr ships no types

from routing.country import Tables, open_tables
from routing.datasets import BIN_FILE, GEO_FILE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def datasets_dir() -> Path:
    directory = ROOT / os.environ.get("DATA_DIR", ".data") / "datasets"
    for file in (BIN_FILE, GEO_FILE):
        if not (directory / file).is_file():
            pytest.fail(
                f"{directory / file} is missing: `python -m routing.build_datasets --out {directory}`", False
            )
    return directory


@pytest.fixture(scope="session")
def tables(datasets_dir: Path) -> Tables:
    return open_tables(datasets_dir)


def write_mmdb(
    path: Path, records: Mapping[str, Any], *, kind: str = "GeoLite2-Country", ip_version: int = 6
) -> Path:
    """A small MMDB file: network -> record."""
    writer = MMDBWriter(
        ip_version=ip_version, database_type=kind, languages=["en"], ipv4_compatible=ip_version == 6
    )
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path
