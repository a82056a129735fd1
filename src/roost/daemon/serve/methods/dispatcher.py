"""All methods of the socket: found by name, for a caller who is known and may call them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from roost.daemon.serve.caller import Caller
from roost.daemon.serve.callers import Callers
from roost.daemon.serve.methods.method import Answer, Method, Stream, Table
from roost.daemon.serve.progress import Progress
from roost.errors import DeniedError, UsageError

Ask = Callable[[str, str, dict[str, Any], Progress], Awaitable[tuple[Any, list[str]]]]
"""Asks another host for a method; the result, and lines for the asker."""


class Dispatcher:
    """Calls methods. Agents may call only those that are theirs."""

    def __init__(self, callers: Callers, methods: Table, named: Callable[[str], str], ask: Ask) -> None:
        """Call these; `callers` tells who asks and who may only look, `named` which peer an address means.

        `ask` asks another host.
        """
        self._named = named
        self._ask = ask
        self._callers = callers
        self._methods = methods

    def waits(self, method: str, params: Mapping[str, Any]) -> bool:
        """Whether a request may take as long as it takes: others of its connection do not wait for it."""
        known = self._methods.get(method)
        return (known is not None and known.waits) or params.get("follow") is True

    async def call(
        self, method: str, params: Mapping[str, Any], token: str | None, asker: Caller, progress: Progress
    ) -> Answer | Stream:
        """Call a method for whoever has connected. Raises RoostError."""
        known: Method[Any] | None = self._methods.get(method)
        if known is None:
            raise UsageError(
                f"this daemon has no method '{method}'; is it older than the command? restart it"
            )
        caller = await self._callers.proven(token, asker, looks=known.looks)
        if caller.is_agent and not known.agents:
            raise DeniedError(f"'{method}' is for operators, not for agents; you are {caller.named}")
        try:
            call = known.checked(params, caller, progress)
        except msgspec.ValidationError as error:
            raise UsageError(f"{method}: {error}") from error
        if known.names:
            asked, host = known.addressed(call.params, self._named)
            if host is not None:
                return Answer(*await self._ask(host, method, msgspec.to_builtins(asked), progress))
            call = replace(call, params=asked)
        return await known.handler(call)
