"""Who says what came to an agent: the fake model, or else the record of its program."""

from pathlib import Path
from typing import Protocol

from roost.fake_model import FakeModel
from roost.fake_model.script import unpaste
from roost.runtimes.context import Context
from roost.runtimes.facts import Prompted
from roost.runtimes.runtime import Runtime


class Witness(Protocol):
    """Tells texts that held a message, as far as it can tell."""

    def texts(self, message_id: str, context: Context) -> list[str]:
        """Each prompt with the message's header in it, whole, once."""
        ...


class ModelWitness:
    """The fake model, which has each request whole."""

    def __init__(self, model: FakeModel) -> None:
        """Ask this model."""
        self._model = model

    def texts(self, message_id: str, context: Context) -> list[str]:
        """The texts with the message's header in the request that holds most of them."""
        del context
        header = f"[roost message {message_id} from "
        held = [
            [unpaste(text).rstrip(" ") for text in arrival.user_texts if header in text]
            for arrival in self._model.journal.all()
            if arrival.kind == "turn"
        ]
        return max(held, key=len, default=list[str]())


class RecordWitness:
    """The record that the program keeps of its conversation, read as the daemon reads it."""

    def __init__(self, runtime: Runtime) -> None:
        """Read records of this runtime."""
        self._runtime = runtime

    def texts(self, message_id: str, context: Context) -> list[str]:
        """Prompts with the message's header."""
        sensor = self._runtime.sensor(context)
        sensor.since = 0.0
        lines = [line for path in self._runtime.transcripts(context) for line in _lines(path)]
        header = f"[roost message {message_id} from "
        return [
            fact.text for fact in sensor.on_lines(lines) if isinstance(fact, Prompted) and header in fact.text
        ]


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError:
        return []
