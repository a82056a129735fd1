"""An ACP agent that misbehaves as it is told to: `acp_stub.py [WORD...]`, and by the words of each prompt."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LONG = 600
OPTIONS = [
    {"optionId": "a", "name": "Allow", "kind": "allow_once"},
    {"optionId": "r", "name": "Reject", "kind": "reject_once"},
]
CALL = {
    "toolCallId": "1",
    "title": "Run a command",
    "kind": "execute",
    "rawInput": {"command": "rm -rf \x1b[2J"},
}


def raw(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def send(message: dict[str, object]) -> None:
    raw(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def result(identity: object, **values: object) -> None:
    send({"id": identity, "result": values})


def error(identity: object, code: int, message: str, details: str = "") -> None:
    send({"id": identity, "error": {"code": code, "message": message, "data": {"details": details}}})


def update(kind: str, **values: object) -> None:
    send(
        {
            "method": "session/update",
            "params": {"sessionId": "x", "update": {"sessionUpdate": kind, **values}},
        }
    )


def say(text: str) -> None:
    update("agent_message_chunk", content={"type": "text", "text": text})


class Stub:
    """The agent; `words` say how it behaves."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = set(words)
        self.open: list[object] = []
        if "child" in words:
            code = "import signal, time; signal.signal(15, 1); signal.signal(1, 1); time.sleep(600)"
            null = subprocess.DEVNULL
            subprocess.Popen([sys.executable, "-c", code], stdin=null, stdout=null, stderr=null)
        if "noise" in words:
            raw(b"hello, I am an agent\n42\n[]\n\xff\xfe\n\x1b[2J\x1b]0;title\x07\n")
            sys.stderr.write("\x1b[31mwarning\n")
            sys.stderr.flush()
        if "deaf" in words:
            time.sleep(LONG)

    def take(self, message: dict[str, object]) -> None:
        method, identity = message.get("method"), message.get("id")
        match method:
            case "initialize":
                can = {
                    "loadSession": "load" in self.words,
                    "mcpCapabilities": {"http": "http" in self.words},
                }
                methods = [{"id": "key", "name": "API key"}] if "auth" in self.words else []
                version = 99 if "future" in self.words else 1
                result(identity, protocolVersion=version, agentCapabilities=can, authMethods=methods)
            case "authenticate":
                self.words.discard("auth")
                result(identity)
            case "session/new" | "session/load":
                self.opened(identity, str(method), message["params"])
            case "session/prompt":
                self.prompted(identity, message["params"]["prompt"])  # pyright: ignore[reportIndexIssue]
            case "session/cancel":
                for each in self.open:
                    result(each, stopReason="cancelled")
                self.open.clear()
            case None if identity == "p":
                say("answered: " + json.dumps(message.get("result")))
                for each in self.open:
                    result(each, stopReason="end_turn")
                self.open.clear()
            case _:
                pass

    def opened(self, identity: object, method: str, params: object) -> None:
        if "auth" in self.words:
            error(identity, -32000, "Authentication required")
            return
        if "refuses" in self.words:
            error(identity, -32603, "Internal error", "no way")
            return
        if method == "session/load":
            for text in ("one\n", "two"):
                update("user_message_chunk", content={"type": "text", "text": text})
            say("an earlier answer")
            update("user_message_chunk", content={"type": "text", "text": "three"})
        Path(os.environ.get("STUB_ASKED", os.devnull)).write_text(json.dumps(params))
        result(identity, sessionId="../odd id" if "odd-id" in self.words else "x")

    def prompted(self, identity: object, blocks: list[dict[str, str]]) -> None:
        text = blocks[-1]["text"]
        for word in text.split():
            if (act := getattr(self, f"on_{word}", None)) is not None and act(identity, blocks):
                return
        say(f"said: {text}")
        result(identity, stopReason="refusal" if "refuse" in text.split() else "end_turn")

    def on_blocks(self, _identity: object, blocks: list[dict[str, str]]) -> None:
        say(json.dumps([block["text"] for block in blocks]))

    def on_unknown(self, _identity: object, _blocks: object) -> None:
        update("brand_new", x=1)
        send({"method": "session/other", "params": {}})
        send({"id": "ask", "method": "fs/read_text_file", "params": {"path": "/etc/passwd"}})

    def on_escape(self, _identity: object, _blocks: object) -> None:
        say("\x1b[2J\x1b]0;stolen\x07\x9b31mred\r\nnext\x00\n")

    def on_huge(self, _identity: object, _blocks: object) -> None:
        raw(b'{"jsonrpc":"2.0","method":"session/update","params":{"x":"' + b"x" * (70 << 20) + b'"}}\n')

    def on_noise(self, _identity: object, _blocks: object) -> None:
        raw(b"42\nnull\n[1]\n{}\nnot json\n" * 20)

    def on_open(self, identity: object, _blocks: object) -> bool:
        self.open.append(identity)
        return True

    def on_ask(self, identity: object, _blocks: object) -> bool:
        self.open.append(identity)
        params = {"sessionId": "x", "toolCall": CALL, "options": OPTIONS}
        send({"id": "p", "method": "session/request_permission", "params": params})
        return True

    def on_overloaded(self, identity: object, _blocks: object) -> bool:
        error(identity, -32603, "Internal error", "API Error: 529 Overloaded")
        return True

    def on_sleep(self, _identity: object, _blocks: object) -> None:
        """It reads nothing more."""
        time.sleep(LONG)

    def on_close(self, _identity: object, _blocks: object) -> None:
        os.close(1)
        time.sleep(LONG)

    def on_die(self, _identity: object, _blocks: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def on_exit(self, _identity: object, _blocks: object) -> None:
        raise SystemExit(7)


if __name__ == "__main__":
    stub = Stub(sys.argv[1:])
    for line in sys.stdin.buffer:
        stub.take(json.loads(line))
