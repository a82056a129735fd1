"""Somebody who connects to a hub by hand, as a process of its own: `python -m tests.support.intruder`.

Standard input: {"servers", "seed", "ca", "inbox", "publish": [...], "subscribe": [...], "ask": [[subject,
text], ...]}. Prints {"connected", "why", "denied": [subjects], "answers": [...]}.
"""

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from typing import Any

from nats.aio.client import Client

from roost.host.nats.hub import FAULTS, shown_by
from tests.support.wait import NeverHappenedError, eventually

PATIENCE = 30.0


def intrude(servers: tuple[str, ...], seed: str, ca: str, inbox: str, **acts: list[Any]) -> dict[str, Any]:
    """What became of it."""
    given = {"servers": servers, "seed": seed, "ca": ca, "inbox": inbox, **acts}
    words = [sys.executable, "-m", "tests.support.intruder"]
    done = subprocess.run(
        words, input=json.dumps(given), capture_output=True, text=True, timeout=PATIENCE * 2, check=False
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


async def _intrude(given: dict[str, Any]) -> dict[str, Any]:
    told: list[str] = []

    async def note(error: Exception) -> None:
        told.append(str(error))

    client = Client()
    options = shown_by(given["seed"], given["ca"], given["inbox"])
    try:
        await client.connect(given["servers"], allow_reconnect=False, error_cb=note, **options)
    except FAULTS as error:
        return {"connected": False, "why": str(error), "denied": [], "answers": []}
    for subject in given.get("publish", ()):
        await client.publish(subject, b"x")
    for subject in given.get("subscribe", ()):
        await client.subscribe(subject)
    subjects = [*given.get("publish", ()), *given.get("subscribe", ())]

    def denied() -> list[str]:
        return [each for each in subjects if any(f'"{each.lower()}"' in said.lower() for said in told)]

    async def all_told() -> bool:
        await client.flush()
        return len(told) >= len(subjects)

    with suppress(NeverHappenedError):
        await eventually(all_told, timeout=PATIENCE / 3, why="the hub has answered")
    answers = [
        json.loads((await client.request(subject, text.encode(), timeout=PATIENCE)).data)
        for subject, text in given.get("ask", ())
    ]
    await client.close()
    return {"connected": True, "why": "", "denied": denied(), "answers": answers}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_intrude(json.load(sys.stdin)))))
