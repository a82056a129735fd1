"""A short soak (`scripts/soak` takes longer), and that its judge sees what it is there to see."""

import os
from collections.abc import Callable

import pytest

from tests.support.daemon import roost_in
from tests.support.home import Home
from tests.support.soak import Soak, soak

Lines = list[bytes]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("runtime", ["demo", "demo-acp"])
def test_N4_N8_killed_daemons_lose_double_and_reorder_nothing(runtime: str) -> None:
    """By paste and by call. `ROOST_SOAK_SEED` makes it another one, `scripts/soak` one that takes longer."""
    told: list[str] = []
    seed = int(os.environ.get("ROOST_SOAK_SEED", "5"))
    wrong = soak(seed, 120, 4, 4, told.append, runtime=runtime)
    assert wrong == []
    assert "120 of 120 done, 4 of 4 kills" in told[-1]


def _is_prompt(line: bytes) -> bool:
    return b'"what": "prompt"' in line or b'"what":"prompt"' in line


def _drop(prompts: Lines) -> Lines:
    return prompts[1:]


def _repeat(prompts: Lines) -> Lines:
    return [*prompts, prompts[0]]


def _swap(prompts: Lines) -> Lines:
    return [prompts[1], prompts[0], *prompts[2:]]


def _forge(prompts: Lines) -> Lines:
    return [
        prompts[0].replace(b'"sha256":"', b'"sha256":"0').replace(b'"sha256": "', b'"sha256": "0'),
        *prompts[1:],
    ]


def _invent(prompts: Lines) -> Lines:
    return [*prompts, prompts[0].replace(b"[roost message ", b"[roost message " + b"0" * 32 + b" from x ", 1)]


def test_the_soak_sees_what_is_lost_doubled_reordered_changed_or_invented(home: Home) -> None:
    with roost_in(home, started=False) as roost:
        run = Soak(roost, 1, 6, 0, 1, lambda _line: None)
        assert run.run() == []
        lines = roost.truth.read_bytes().splitlines(keepends=True)
        prompts = [line for line in lines if _is_prompt(line)]
        assert len(prompts) == 6
        planted: dict[str, Callable[[Lines], Lines]] = {
            "1 lost": _drop,
            "1 doubled": _repeat,
            "2 out of order": _swap,
            "1 not whole": _forge,
            "1 shown and never promised": _invent,
        }
        for what, plant in planted.items():
            roost.truth.write_bytes(b"".join(plant(prompts)))
            (found,) = run.judge()
            assert what in found
