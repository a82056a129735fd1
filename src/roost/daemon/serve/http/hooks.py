"""What the agents' own hooks report. A hook is a poke and a hint: order comes from the agent's record."""

import json
import logging
from collections.abc import Mapping
from typing import Any, cast

from roost.daemon.death.supervisor import Supervisor
from roost.daemon.serve.caller import Caller

_log = logging.getLogger("roost.hooks")


class Hooks:
    """Hands hook payloads to the sensors of their sessions."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Find sessions here."""
        self._supervisor = supervisor

    async def receive(self, caller: Caller, name: str, body: bytes) -> Mapping[str, Any]:
        """Take one payload and return what the hook answers; one that cannot be read is a poke all the same.

        A hook that asks for something is held open for a while, until a person has answered or its dialog is
        gone.
        """
        live = self._supervisor.live(caller.session)
        if live is None:
            return {}
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            payload = {}
        fields = cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}
        asks = None
        try:
            asks = live.sensor.on_hook(name, fields)
        except (TypeError, ValueError, LookupError, AttributeError) as defect:
            _log.warning("the hook %s of %s is not understood: %r", name, live.peer, defect)
        finally:
            live.poke.set()
        return await live.hooks.hold(asks) if asks is not None else {}
