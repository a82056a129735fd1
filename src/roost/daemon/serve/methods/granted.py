"""The methods that operators of other hosts may have called here, for the peers that are granted to them."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from roost.core.vocabulary.identity import host_of
from roost.daemon.serve.api.questions import Questions
from roost.daemon.serve.caller import OPERATOR
from roost.daemon.serve.methods.method import Answer, Method, Table
from roost.daemon.serve.progress import Progress
from roost.daemon.state.fleet import Fleet
from roost.errors import UsageError

_OF_PEER = frozenset(
    {"compact", "interrupt", "refresh", "restart", "screen", "sleep", "start", "stop", "wake"}
)
_OF_QUESTION = frozenset({"answer", "deny"})
_OF_ALL = "questions"


class Granted:
    """Calls them; see `Doing`."""

    def __init__(self, fleet: Fleet, questions: Questions, methods: Table) -> None:
        """Call these methods for peers of this fleet."""
        self._fleet = fleet
        self._questions = questions
        self._methods = methods

    def peers_of(self, method: str, params: Mapping[str, Any]) -> tuple[str, ...]:
        """See Doing."""
        if method in _OF_PEER:
            name = params.get("name")
            if not isinstance(name, str) or host_of(name) is not None:
                raise UsageError(f"`{method}` of another host is for one peer, by its name here")
            return (self._fleet.get(name).peer.name,)
        if method in _OF_QUESTION:
            return (self._questions.peer_of(str(params.get("id"))),)
        if method != _OF_ALL:
            raise UsageError(f"`{method}` is nothing that another host can ask for")
        return ()

    async def do(
        self,
        method: str,
        params: Mapping[str, Any],
        by: str,
        allowed: Callable[[str], bool],
        progress: Progress,
    ) -> tuple[Any, list[str]]:
        """See Doing."""
        known: Method[Any] = self._methods[method]
        try:
            call = known.checked(params, OPERATOR, progress, by)
        except msgspec.ValidationError as error:
            raise UsageError(f"{method}: {error}") from error
        answer = await known.handler(call)
        assert isinstance(answer, Answer)  # noqa: S101 -- none of them streams
        if method == _OF_ALL:
            return [each for each in answer.result if allowed(each["peer"])], answer.notes
        return answer.result, answer.notes
