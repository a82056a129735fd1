"""Hostile bodies and topics on the real paste path: one session of each program takes them all (P1, N4).

`ROOST_FUZZ_EXAMPLES` asks for more than the default, which takes some ten seconds.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given

from roost.core.messages import envelope
from roost.host.files import Tail
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.nasty import BODIES, PIECES, TOPICS, fuzzing, without_directives

PATIENCE = 30.0
PROGRAM = Path(__file__).resolve().parent.parent / "support" / "raw_agent.py"
CONFIG = """
[runtimes.raw]
argv = [{python}, {program}, "{{dir}}/log"]
ready = '(?m)^raw> $'
accept_log = "{{dir}}/log"
turn_done = '"turn": "done"'
"""
START, END, ENTER = b"\x1b[200~", b"\x1b[201~", b"\r"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@dataclass
class Pair:
    """The demo agent `d`, and `r`, which records every byte that comes from its terminal."""

    roost: Roost
    truth: Tail
    bytes: Tail

    def deliver(self, body: str, topic: str | None) -> None:
        """Send it to both, and compare what each of them got with what it had to get."""
        sent = {
            name: self.roost.send(name, text, topic=topic)["id"]
            for name, text in (("d", f"@@silent@@\n{body}"), ("r", body))
        }
        for message_id in sent.values():
            self.roost.until_message(message_id, "done")
        records = [json.loads(line) for line in self.truth.read()]
        (prompt,) = [record for record in records if record["what"] == "prompt"]
        assert prompt["text"] == self.roost.pasted(sent["d"], f"@@silent@@\n{body}")
        assert [record["what"] for record in records] == ["prompt", "turn_end"]
        wanted = self.roost.pasted(sent["r"], body)
        (taken,) = [record for record in map(json.loads, self.bytes.read()) if "bytes" in record]
        assert bytes.fromhex(taken["bytes"]) == START + wanted.encode() + END + ENTER
        for text, message_id in ((prompt["text"], sent["d"]), (wanted, sent["r"])):
            mark = text.split("\n", 1)[0].rpartition(" boundary ")[2].rstrip("]")
            assert text.count(mark) == 1
            assert [each for each in envelope.marks(text) if each[1] == mark] == [(message_id, mark)]


@pytest.fixture
def pair(home: Home) -> Iterator[Pair]:
    home.roost.mkdir(mode=0o700)
    words = {"python": json.dumps(sys.executable), "program": json.dumps(str(PROGRAM))}
    (home.roost / "config.toml").write_text(CONFIG.format(**words))
    with roost_in(home) as roost:
        roost.add("d")
        roost.add("r", "raw")
        for name in ("d", "r"):
            roost.call("wake", name=name)
        truth, log = Tail(roost.truth), Tail(home.work / "r" / "log")
        truth.read()
        yield Pair(roost, truth, log)
        for name in ("d", "r"):
            assert roost.session(name)["generation"] == 1, "one session took them all"
        assert not [*home.root.rglob("never")], "nothing was executed"
        truth.close()
        log.close()


def test_P1_N4_hostile_texts_arrive_as_text_and_nothing_else_does(pair: Pair) -> None:
    @fuzzing(25)
    @given(body=BODIES.filter(bool), topic=TOPICS)
    @example(body="\n".join(map(without_directives, PIECES)), topic=PIECES[2][:200])
    @example(body="x" * (100 * 1024), topic=None)
    def each(body: str, topic: str | None) -> None:
        pair.deliver(body, topic)

    each()


def test_P1_each_hostile_piece_first_and_last(pair: Pair) -> None:
    for piece in PIECES:
        pair.deliver(f"{piece}middle{piece}", None)
