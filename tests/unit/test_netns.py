"""Where a user may make no network namespaces, tests that need them are skipped aloud, and fail in CI."""

import pytest

from tests.support import netns


class Forbidden:
    """What making a network comes to there."""

    def __init__(self) -> None:
        raise netns.NotAllowedError("unshare: Operation not permitted")


def test_no_namespaces_are_a_skip_and_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "Network", Forbidden)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not permitted"), netns.network():
        pass
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not permitted"), netns.network():
        pass
