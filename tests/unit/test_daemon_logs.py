"""The daemon's logs: logfmt, one line each, metadata only (P12)."""

from pathlib import Path

from roost.daemon.logs import Logs, RotatingLog, logfmt
from roost.paths import find_places
from roost.store.records import JournalRow


def row(kind: str, **data: object) -> JournalRow:
    return JournalRow(1, 0.0, kind, "ada", "s1", None, "crashed" if kind == "stopped" else None, data)


def test_P12_values_are_quoted_only_where_they_must_be() -> None:
    assert logfmt({"a": "x", "b": 1, "c": None, "d": ""}) == 'a=x b=1 d=""'
    assert logfmt({"why": 'a "b"=c\\\nd'}) == 'why="a \\"b\\"=c\\\\\\nd"'
    assert logfmt({"why": "esc\x1b[31m"}) == 'why="esc[31m"'


def test_P12_an_exit_is_a_line_in_lifecycle_and_exits_and_a_message_in_delivery(tmp_path: Path) -> None:
    places = find_places({"ROOST_HOME": str(tmp_path)})
    logs = Logs(places, 10_000, 2)
    logs.rows((row("queued", sender="bob"), row("stopped", signal=9)))
    logs.close()
    assert (places.logs / "delivery.log").read_text().count("\n") == 1
    stopped = "peer=ada session=s1 cause=crashed signal=9\n"
    assert (places.logs / "lifecycle.log").read_text() == f"ts=1970-01-01T00:00:00.000Z ev=stopped {stopped}"
    assert places.exits_log.read_text() == f"ts=1970-01-01T00:00:00.000Z ev=exit {stopped}"


def test_P12_logs_rotate_by_size_and_keep_the_chosen_number_of_files(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "x.log", 100, 2)
    for number in range(20):
        log.write([{"number": number, "text": "x" * 30}])
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1"]
    assert all(path.stat().st_size <= 150 for path in tmp_path.iterdir())
