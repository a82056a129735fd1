"""The store under SIGKILL: the acknowledged is there, whole; the rest is there whole or not at all."""

import itertools
import json
import os
import random
import selectors
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from roost.store.reader import Reader
from roost.store.sqlite import SqliteStore

ROUNDS = 12
PARTS = 3
"""Messages in each batch: a batch that was torn would show fewer."""

# Acknowledges each batch by one line on stdout, written only after its commit has returned.
WRITER = f"""
import asyncio, json, os, sys
from pathlib import Path
from roost.core.vocabulary.commands import Journal, SaveAttempt, SaveMessage
from roost.core.vocabulary.message import Message
from roost.store.interfaces import Batch, Intent
from roost.store.sqlite import SqliteStore

async def main(path, mark):
    store = await SqliteStore.open(Path(path))
    number = iter(range(10**9))

    async def caller(who):
        while True:
            n = next(number)
            name = f"{{mark}}-{{who}}-{{n}}"
            messages = [Message(f"{{name}}-{{k}}", "a", "b", 1.0, 2000, "d") for k in range({PARTS})]
            steps = [SaveAttempt(m.id, None, "offered", "") for m in messages]
            changes = [*map(SaveMessage, messages), *steps]
            rows = await store.commit(Batch(1.0, tuple(changes),
                tuple(Journal("queued", "b", None, m.id) for m in messages),
                {{m.id: name.encode().ljust(2000, b".") for m in messages}},
                (Intent(name, "offer", "b", 1.0),)))
            os.write(1, (json.dumps([name, [row.seq for row in rows]]) + "\\n").encode())

    await asyncio.gather(*(caller(who) for who in range(8)))

asyncio.run(main(*sys.argv[1:]))
"""


def _write_and_kill(path: Path, mark: int, lines: int) -> list[tuple[str, list[int]]]:
    """Let a child write until it has acknowledged that many batches, SIGKILL it, return what it said."""
    command = [sys.executable, "-c", WRITER, str(path), str(mark)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
    assert child.stdout is not None
    text = b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while text.count(b"\n") < lines:
                assert selector.select(timeout=20), "the writer stands still"
                read = os.read(child.stdout.fileno(), 65536)
                assert read, "the writer ended by itself"
                text += read
    finally:
        child.kill()
        rest = child.stdout.read()
        child.wait()
        child.stdout.close()
    whole = (text + rest).rpartition(b"\n")[0]
    return [tuple(json.loads(line)) for line in whole.splitlines()]


@pytest.mark.slow
async def test_N8_sigkill_loses_no_acknowledged_batch_and_tears_none(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 -- points in time, not secrets
    path = tmp_path / "roost.db"
    acknowledged: dict[str, list[int]] = {}
    for mark in range(ROUNDS):
        acknowledged |= dict(_write_and_kill(path, mark, chance.randrange(1, 150)))
    assert len(acknowledged) > ROUNDS

    reader = Reader(path)
    assert reader.check() == []
    events = {row.seq: row.message for row in reader.events(limit=10**9)}
    assert list(events) == list(range(1, len(events) + 1)), "the journal has no hole"
    for name, seqs in acknowledged.items():
        assert [events[seq] for seq in seqs] == [f"{name}-{k}" for k in range(PARTS)]

    messages = [message.id for message in reader.messages(limit=10**9)]
    intents = {intent.key for intent in reader.load().intents}
    assert acknowledged.keys() <= intents
    batches = {
        name: list(parts) for name, parts in itertools.groupby(messages, lambda i: i.rpartition("-")[0])
    }
    assert batches.keys() == intents, "messages, journal and intents came together"
    for name, parts in batches.items():
        assert parts == [f"{name}-{k}" for k in range(PARTS)]
    for name in chance.sample(sorted(batches), 50):
        story = reader.message(f"{name}-0")
        assert story is not None
        assert len(story.attempts) == 1
        assert reader.body(f"{name}-0") == name.encode().ljust(2000, b".")
    reader.close()

    store = await SqliteStore.open(path)
    assert await store.last_seq() == len(events)
    await store.close()
    with apsw.Connection(str(path)) as connection:
        assert connection.execute("SELECT count(*) FROM bodies").get == len(messages)
    connection.close()
