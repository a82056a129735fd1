"""The heap of a process: asked of glibc, nothing asked of another C library; the collector spared."""

import ctypes
import platform
import subprocess
import sys

import pytest

from roost.host.heap import share_heap


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such setting")
def test_glibc_takes_the_setting() -> None:
    assert share_heap()


def test_a_library_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert not share_heap()


def test_what_was_loaded_is_out_of_the_collectors_sight() -> None:
    """In a process of its own, whose collector it is. Garbage made before is not kept with it."""
    code = (
        "import gc, weakref\n"
        "from roost.host.heap import keep_what_was_loaded\n"
        "class Node: pass\n"
        "gc.disable(); kept, lost = Node(), Node(); lost.me = lost; gone = weakref.ref(lost); del lost\n"
        "keep_what_was_loaded()\n"
        "assert gone() is None\n"
        "assert all(each is not kept for each in gc.get_objects())\n"
        "assert gc.get_freeze_count() > 1000, gc.get_freeze_count()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps its own ways")
def test_what_is_free_between_blocks_goes_back_to_the_system() -> None:
    """In a process of its own: every second block of many is freed, and none of them is at the heap's end."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from roost.host.heap import give_back\n"
        "def size(): return int(Path('/proc/self/statm').read_text().split()[1]) * 4096\n"
        "kept = [bytes([n % 256]) * 32_000 for n in range(2000)]\n"
        "del kept[::2], kept[1::4]\n"
        "full = size(); give_back()\n"
        "assert full - size() > 8_000_000, full - size()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
