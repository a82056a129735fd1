"""The shim's own JSON and logfmt agree with the standard library's."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.host.shimlib import forensics
from roost.host.shimlib.forensics import counter, memory_report, oom_evidence, oom_since
from roost.host.shimlib.text import logfmt, read_json, to_json, utc

_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=15
)


@given(st.dictionaries(st.text(), _values, max_size=2))
def test_written_json_is_what_the_standard_library_reads_and_its_own_is_read(
    value: dict[str, object],
) -> None:
    assert json.loads(to_json(value)) == value
    assert read_json(json.dumps(value)) == value


def test_logfmt_quotes_what_needs_it() -> None:
    assert logfmt("plain-1") == "plain-1"
    assert logfmt("") == '""'
    assert logfmt('a "b"=\n') == '"a \\u0022b\\u0022=\\u000a"'


def test_times_are_iso_8601_in_utc() -> None:
    assert utc(1_750_000_000.25) == "2025-06-15T15:06:40.250Z"


def test_oom_evidence_prefers_the_group_and_admits_ignorance() -> None:
    assert oom_evidence((1, 5), (2, 5)) is True
    assert oom_evidence((1, 5), (1, 6)) is False
    assert oom_evidence((None, 5), (None, 6)) is True
    assert oom_evidence((None, 5), (3, 5)) is False
    assert oom_evidence((None, None), (None, None)) is None


def test_the_machine_is_asked_for_kills_only_where_the_group_does_not_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group: list[int | None] = [2]
    monkeypatch.setattr(forensics, "group_oom_kills", lambda: group[0])
    asked: list[str] = []
    monkeypatch.setattr(forensics, "read", lambda path: asked.append(path) or "oom_kill 6\n")
    assert (oom_since((1, 5)), oom_since((2, 5)), asked) == (True, False, [])
    group[0] = None
    assert (oom_since((1, 5)), oom_since((None, 6)), asked) == (True, False, ["/proc/vmstat"] * 2)


def test_counters_are_found_by_their_whole_name() -> None:
    assert counter("oom 3\noom_kill 7\noom_kill_group 9\n", "oom_kill") == 7
    assert counter("oom 3\n", "oom_kill") is None


def test_memory_report_names_memory_pressure_and_processes() -> None:
    report = memory_report()
    for heading in ("# memory", "# pressure memory", "# oom kills since boot", "# largest processes"):
        assert heading in report
