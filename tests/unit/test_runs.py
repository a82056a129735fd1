"""What a run of the tests says about itself, and in which order it takes them."""

import sys
from pathlib import Path

import pytest

from tests.support import order
from tests.support.daemon_times import DaemonTimes

ROOT = Path(__file__).resolve().parents[2]


def test_the_longest_tests_begin_and_the_others_stay_in_order(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    items = pytester.getitems(
        """
        import pytest

        def test_quick(): pass

        @pytest.mark.real
        def test_real(): pass

        @pytest.mark.slow
        def test_slow(): pass

        @pytest.mark.slow
        @pytest.mark.timeout(240)
        def test_slowest(): pass

        @pytest.mark.e2e
        def test_whole(): pass

        @pytest.mark.timeout(500)
        def test_quick_too(): pass
        """
    )
    order.pytest_collection_modifyitems(items)
    names = [item.name for item in items]
    assert names == ["test_slowest", "test_slow", "test_real", "test_whole", "test_quick", "test_quick_too"]


def test_those_that_wait_for_long_are_spread_among_the_others() -> None:
    assert order.spread("AB", "0123456789") == list("A0123B456789")
    assert order.spread("ABC", "0") == list("ABC0")
    assert order.spread("", "01") == list("01")


def test_what_a_module_keeps_for_its_tests_is_for_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("@pytest.fixture\ndef daemon(): ...\n")
    (tmp_path / "test_shared.py").write_text('@pytest.fixture(scope="module")\ndef daemon(): ...\n')
    own, shared = ("test_own.py::test_a[claude-1]", "test_shared.py::test_a[claude-1]")
    assert order.unit(tmp_path, own) == own
    assert order.unit(tmp_path, shared) == "test_shared.py claude"
    assert order.unit(tmp_path, "test_shared.py::test_b[claude]") == "test_shared.py claude"
    assert order.unit(tmp_path, "test_shared.py::test_b[codex]") == "test_shared.py codex"
    assert order.unit(tmp_path, "test_shared.py::test_c") == "test_shared.py"


def test_what_was_waited_for_daemons_is_counted_also_where_it_failed() -> None:
    times = DaemonTimes()
    with times.start():
        pass
    with pytest.raises(ZeroDivisionError), times.start():
        raise ZeroDivisionError
    with times.end():
        pass
    assert (times.starts, times.ends) == (2, 1)
    assert times.starting > 0 < times.ending


def test_the_times_of_all_workers_are_summed_and_printed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest('pytest_plugins = ["tests.support.daemon_times"]')
    pytester.makepyfile(
        """
        import pytest
        from tests.support.daemon_times import SPENT

        @pytest.mark.parametrize("number", range(4))
        def test_waits(number):
            SPENT.starts += 1
            SPENT.starting += 2.5
            SPENT.ends += 1
            SPENT.ending += 0.5
        """
    )
    ran = pytester.runpytest_subprocess("-p", "xdist", "-n", "2", "-p", "no:cacheprovider", timeout=60)
    ran.assert_outcomes(passed=4)
    ran.stdout.fnmatch_lines(
        ["*waited 12 s for daemons: 4 starts took 10 s, 4 ends 2 s (summed over the workers)"]
    )


@pytest.mark.parametrize(("worker", "first"), [("gw0", "abcd"), ("gw1", "cdab")])
def test_workers_collect_all_files_from_different_ones_on_and_run_them_in_one_order(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, worker: str, first: str
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(
        f"""
        pytest_plugins = ["tests.support.collecting"]

        def pytest_configure(config):
            config.workerinput = {{"workerid": "{worker}", "workercount": 2}}
        """
    )
    for name in "abcd":
        path = pytester.mkdir(f"part_{name}") / f"test_{name}.py"
        path.write_text(
            f"import sys\nsys.collected = [*getattr(sys, 'collected', ''), '{name}']\n"
            "def test_two(): pass\ndef test_one(): pass\n"
        )
    monkeypatch.setattr("sys.collected", [], raising=False)
    (ended,) = pytester.inline_run("--collect-only").getcalls("pytest_collection_finish")
    assert sys.collected == list(first)  # pyright: ignore[reportAttributeAccessIssue]
    assert [item.nodeid for item in ended.session.items] == [  # pyright: ignore[reportAttributeAccessIssue]
        f"part_{name}/test_{name}.py::test_{each}" for name in "abcd" for each in ("two", "one")
    ]
