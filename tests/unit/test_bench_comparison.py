"""The comparison with another program: how it is shown, and how that program is run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.__main__ import PEERS, main
from benchmarks.comparison import Comparison, pair
from benchmarks.hcom import hcom, joined_as, said_by_pip
from roost.host.process import SystemProcesses

FOUND = Comparison(
    peer="other",
    version="other 1.2",
    what="7 names in each",
    pairs=(
        pair("send", "a whole command.", [4.0, 6.0, 5.0], [10.0, 10.0, 10.0]),
        pair("list", "a whole " + "long " * 20 + "command.", [30.0], [10.0]),
    ),
    apart=("the colour of both.",),
)
Script = Callable[[str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Write a program that stands for hcom."""

    def write(body: str) -> Path:
        path = tmp_path / "hcom"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)
        return path

    return write


def test_both_are_printed_with_their_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--peer", "other"], {}, {"other": lambda: FOUND}) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "roost and other 1.2: 7 names in each"
    assert lines[2].split("  ")[0] == "ACT"
    assert lines[3].split() == ["send", "5", "ms", "10", "ms", "0.50", "5.9", "ms", "10", "ms"]
    assert lines[4].split() == ["list", "30", "ms", "10", "ms", "3.00", "30", "ms", "10", "ms"]
    assert "- the colour of both." in lines
    assert max(map(len, lines)) <= 80


def test_json_holds_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--peer", "other", "--json"], {}, {"other": lambda: FOUND}) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["version"] == "other 1.2"
    assert [(each["roost_p50"], each["peer_p50"], each["ratio"]) for each in shown["pairs"]] == [
        (5.0, 10.0, 0.5),
        (30.0, 10.0, 3.0),
    ]


def test_a_peer_that_cannot_be_measured_fails_the_run_and_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken() -> Comparison:
        raise RuntimeError("other could not be installed from PyPI: no network")

    assert main(["--peer", "other"], {}, {"other": broken}) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "other could not be measured: other could not be installed from PyPI: no network" in shown.err


@pytest.mark.parametrize("arguments", [["--peer", "nonsense"], ["--peer", "hcom", "list"]])
def test_an_unknown_peer_or_names_beside_it_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_no_peer_is_measured_unasked() -> None:
    def never() -> Comparison:
        raise AssertionError

    assert list(PEERS) == ["hcom"]
    assert main([], {}, {"hcom": never}) == 0


def test_the_name_is_taken_from_what_start_says() -> None:
    assert joined_as("[hcom:luna]\n<text for the agent>\n") == "luna"
    with pytest.raises(RuntimeError, match="did not say which name"):
        joined_as("Error: no database\n")


def test_the_program_sees_its_own_home_and_nothing_of_the_callers(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    monkeypatch.setenv("HCOM_TAG", "mine")
    shown = '[ -f "$HCOM_DIR/.tmp/flags/update_check" ] && echo "$PWD $HOME $HCOM_DIR $CLAUDECODE $HCOM_TAG"'
    with hcom(script(shown)) as program:
        where, home, place, *callers = program.run("list").split()
        assert where == home
        assert place == f"{home}/.hcom"
        assert home != str(Path.home())
        assert callers == []
    assert not Path(home).exists()


def test_the_mail_that_waits_is_read_from_the_list(script: Script) -> None:
    rows = '[{"name": "luna", "unread_count": 2}, {"name": "nova", "unread_count": 0}]'
    with hcom(script(f"echo '{rows}'")) as program:
        assert program.unread() == {"luna": 2, "nova": 0}


def test_a_command_that_fails_is_named_with_its_last_line(script: Script) -> None:
    failing = script("echo first >&2; echo 'no such agent' >&2; exit 1")
    with hcom(failing) as program, pytest.raises(RuntimeError, match="hcom send failed: no such agent"):
        program.run("send", "@luna", "--", "x")


def test_the_reason_for_a_failed_installation_is_the_first_error_of_pip() -> None:
    errors = "WARNING: slow\nERROR: no version of hcom\nERROR: details\n    more of them\n"
    assert said_by_pip(errors) == "ERROR: no version of hcom"
    assert said_by_pip("No module named pip\n") == "No module named pip"


def test_what_the_program_left_running_is_ended(script: Script, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    left = f"/bin/sleep 600 >/dev/null 2>&1 & echo $! >{note}"
    machine = SystemProcesses()
    with hcom(script(left)) as program:
        program.run("start")
        process = machine.identify(int(note.read_text()))
        assert process is not None
    assert machine.identify(process.pid) != process
