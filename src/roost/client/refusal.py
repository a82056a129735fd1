"""What the daemon refused, as the error that roost itself would raise for it."""

from collections.abc import Callable
from typing import TypeVar

from roost import errors
from roost.client.connection import RemoteError
from roost.errors import NotFoundError, RoostError, UsageError, WaitTimeoutError

T = TypeVar("T")
_BY_CODE: dict[str, type[RoostError]] = {
    error.code: error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, RoostError) and "code" in vars(error)
}
_BY_STATUS: dict[int, type[RoostError]] = {
    error.exit_code: error for error in (UsageError, WaitTimeoutError, NotFoundError)
}


def refusal(remote: RemoteError) -> RoostError:
    """An error of `roost.errors` with the daemon's sentence and facts.

    It is chosen by the daemon's code, where that is of a newer daemon by its exit code, and is the
    RemoteError itself where neither says more.
    """
    kind = _BY_CODE.get(remote.remote_code) or _BY_STATUS.get(remote.status)
    if kind is None or kind is RoostError:
        return remote
    error = kind(remote.message)
    error.facts = dict(remote.facts)
    return error


def asked(question: Callable[[], T]) -> T:
    """The answer to a question. Raises what `refusal` makes of what the daemon refused."""
    try:
        return question()
    except RemoteError as remote:
        raise refusal(remote) from remote
