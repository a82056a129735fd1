"""The C library's heap: asked of glibc, and nothing asked of another one."""

import ctypes
import platform

import pytest

from roost.host.heap import share_heap


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such setting")
def test_glibc_takes_the_setting() -> None:
    assert share_heap()


def test_a_library_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert not share_heap()
