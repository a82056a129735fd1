"""A shell whose locale cannot read UTF-8: what is typed, stored and shown is UTF-8 all the same."""

import pytest

from tests.support.daemon import roost_in
from tests.support.home import Home

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0"}
"""Python reads and writes ASCII then, unless it is told otherwise."""
TEXT = "héllo → ✓"


def test_what_is_typed_comes_in_and_is_answered_whatever_the_locale_reads(home: Home) -> None:
    """The daemon is started by such a shell, in whose home names are not ASCII."""
    folder = home.work / "größe"
    folder.mkdir()
    home.roost.mkdir(mode=0o700)
    home.roost.joinpath("config.toml").write_text(f"# {TEXT}\n", "utf-8")
    with roost_in(home, started=False) as roost:
        assert roost.cli("up", environ=ASCII).returncode == 0
        try:
            added = roost.cli("add", "a", "--runtime", "demo", "--dir", str(folder), environ=ASCII)
            assert added.returncode == 0, added.stderr
            sent = roost.cli("send", "a", TEXT, "--topic", TEXT, "--wait", "done", environ=ASCII)
            assert sent.returncode == 0, sent.stderr
            [mail] = roost.call("inbox", name="operator")
            assert TEXT in mail["body"]
            assert roost.call("message", id=sent.stdout.strip())["topic"] == TEXT
            assert roost.call("show", name="a")["settings"]["dir"] == str(folder)
            shown = roost.cli("inbox", environ=ASCII)
            assert shown.returncode == 0, shown.stderr
            assert "h\\xe9llo" in shown.stdout
            broken = roost.cli("send", "a", "hello", "--topic", "caf\udce9")
            assert (broken.returncode, broken.stderr) == (2, "roost: an argument is not UTF-8\n")
        finally:
            roost.cli("down", "--agents")
