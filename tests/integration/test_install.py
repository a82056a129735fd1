"""What an installer makes of `roost`: a native program where there is a C compiler, a script without one."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.door import native

ROOT = Path(__file__).resolve().parents[2]
BUILD = "import sys; from hatchling import build; build.build_{kind}(sys.argv[1])"
KINDS = ("wheel", "editable")

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(params=[True, False], ids=["compiler", "no-compiler"])
def compiler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    found: bool = request.param
    if found and native() is None:
        pytest.skip("there is no C compiler, or this is not Linux")
    if not found:
        monkeypatch.setenv("CC", "/nowhere/cc")
    return found


def build(kind: str, folder: Path) -> Path:
    subprocess.run([sys.executable, "-c", BUILD.format(kind=kind), str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.parametrize("kind", KINDS)
def test_a_wheel_has_the_program_or_the_script(kind: str, compiler: bool, tmp_path: Path) -> None:
    wheel = build(kind, tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("/")[2]: name for name in archive.namelist()}
        scripts = archive.read(names["entry_points.txt"]).decode()
        assert ("scripts/roost" in names) == compiler
        if compiler:
            assert archive.read(names["scripts/roost"])[:4] == b"\x7fELF"
            assert archive.getinfo(names["scripts/roost"]).external_attr >> 16 & 0o111
    assert ("roost = " in scripts) != compiler, "an installer leaves out what two would make"
    assert "roost-python = roost.cli.main:main" in scripts
    if kind == "wheel":
        assert wheel.name.endswith("-py3-none-any.whl") != compiler


def test_what_is_installed_runs(compiler: bool, tmp_path: Path) -> None:
    wheel = build("wheel", tmp_path)
    place = tmp_path / "place"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    subprocess.run(
        [*pip, "--no-index", "--no-deps", "--ignore-installed", "--prefix", str(place), str(wheel)],
        check=True,
    )
    (library,) = place.glob("lib*/python*/site-packages")
    done = subprocess.run(
        [str(place / "bin" / "roost"), "list"],
        env={**os.environ, "PYTHONPATH": str(library), "ROOST_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "no peers yet; `roost add NAME --runtime R` makes one\n")
    assert ((place / "bin" / "roost").read_bytes()[:4] == b"\x7fELF") == compiler
