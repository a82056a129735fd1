"""A short chaos over the real programs (`scripts/chaos` takes longer)."""

import os
from pathlib import Path

import pytest

from tests.support import clis
from tests.support.real_chaos import run

SEEDS = tuple(int(seed) for seed in os.environ.get("ROOST_CHAOS_SEED", "7").split(","))


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", SEEDS)
def test_N4_N5_N8_real_programs_in_peoples_hands(seed: int, tmp_path: Path) -> None:
    """None lost, doubled, told done unasked; no work ended; every reason true.

    `ROOST_CHAOS_SECONDS` and `ROOST_CHAOS_SEED` (some, with commas) make it longer and other.
    """
    for program in ("claude", "codex"):
        clis.require(program)
    assert run(seed, float(os.environ.get("ROOST_CHAOS_SECONDS", "40")), keep=tmp_path) == []
