"""Records and screens of Gemini CLI 0.61.0, made and recorded, and one session of it."""

import json
from pathlib import Path
from typing import Any

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.runtimes.context import Context
from roost.runtimes.facts import Fact
from roost.runtimes.gemini_sensor import GeminiSensor

DATA = Path(__file__).parents[1] / "data"
SCREENS = DATA / "screens/gemini"
CONVERSATION = "11111111-2222-4333-8444-555555555551"
OTHER = "22222222-2222-4333-8444-555555555552"
AT = "2026-11-20T11:21:45.020Z"
COMPACTED = "Got it. Thanks for the additional context!"
"""What its program has its model say to a summary."""


def screen(name: str) -> str:
    return (SCREENS / f"{name}.txt").read_text()


def recorded(name: str) -> list[bytes]:
    return (DATA / f"records/gemini/{name}.jsonl").read_bytes().splitlines()


def context(tmp_path: Path, conversation: str = CONVERSATION, **settings: Any) -> Context:  # noqa: ANN401 -- fields
    session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0, conversation=conversation)
    chosen = Settings(dir=str(tmp_path / "work"), runtime="gemini", **settings)
    environ = {"HOME": str(tmp_path / "home")}
    return Context(
        session, chosen, tmp_path / "s", tmp_path, environ, "http://127.0.0.1:9", tmp_path / "call"
    )


def chat(tmp_path: Path, conversation: str = CONVERSATION, *lines: bytes) -> Path:
    path = tmp_path / f"home/.gemini/tmp/work/chats/session-2026-11-20T11-21-{conversation[:8]}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"sessionId": conversation, "projectHash": "h"}).encode()
    path.write_bytes(b"\n".join([head, *lines, b""]))
    return path


def line(kind: str, content: object, **more: object) -> bytes:
    return json.dumps(
        {"id": str(content), "timestamp": AT, "type": kind, "content": content, **more}
    ).encode()


def said(text: str) -> bytes:
    return line("user", [{"text": text}])


def kept(*texts: str) -> bytes:
    """All that the conversation holds from here on."""
    messages = [json.loads(said(text)) for text in texts]
    return json.dumps({"$set": {"messages": messages}}, separators=(",", ":")).encode()


def idle(sensor: GeminiSensor, looks: int = 20) -> list[Fact]:
    """What it tells in so many looks at its prompt, with nothing new in its record."""
    facts: list[Fact] = []
    for _ in range(looks):
        sensor.on_screen(screen("ready"), "◇  Ready (work)")
        facts += sensor.on_lines([])
    return facts
