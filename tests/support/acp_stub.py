"""An ACP agent that misbehaves as it is told to: `acp_stub.py [WORD...]`.

Each prompt is answered by `said: TEXT` unless a word of the prompt is one of those in `_on_prompt`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any


def send(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    sys.stdout.buffer.flush()


def raw(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def update(update: dict[str, Any]) -> None:
    send({"method": "session/update", "params": {"sessionId": "x", "update": update}})


def say(text: str) -> None:
    update({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}})


def child() -> None:
    """A child in the agent's group that ignores what ends polite programs."""
    code = "import signal, time; signal.signal(15, 1); signal.signal(1, 1); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)


def main(words: list[str]) -> None:
    if "child" in words:
        child()
    if "noise" in words:
        raw(b"hello, I am an agent\n42\n[]\n\xff\xfe\n\x1b[2J\x1b]0;title\x07\n")
        print("\x1b[31mwarning", file=sys.stderr, flush=True)
    if "deaf" in words:
        time.sleep(600)
    for line in sys.stdin.buffer:
        message = json.loads(line)
        method, identity = message.get("method"), message.get("id")
        if method == "initialize":
            can = {"loadSession": "load" in words, "mcpCapabilities": {"http": "http" in words}}
            version = 99 if "future" in words else 1
            methods = [{"id": "key", "name": "API key"}] if "auth" in words else []
            send({"id": identity, "result": {"protocolVersion": version, "agentCapabilities": can, "authMethods": methods}})
        elif method == "authenticate":
            words.remove("auth")
            send({"id": identity, "result": {}})
        elif method in ("session/new", "session/load"):
            if "auth" in words:
                send({"id": identity, "error": {"code": -32000, "message": "Authentication required"}})
            elif "refuses" in words:
                send({"id": identity, "error": {"code": -32603, "message": "Internal error", "data": {"details": "no way"}}})
            else:
                name = "a/../b" if "odd-id" in words else "x"
                send({"id": identity, "result": {"sessionId": name, "asked": message["params"]}})
                if os.environ.get("STUB_ASKED"):
                    with open(os.environ["STUB_ASKED"], "w") as file:
                        json.dump(message["params"], file)
        elif method == "session/prompt":
            on_prompt(identity, message["params"]["prompt"])
        elif method == "session/cancel":
            stops = [open_prompt.pop()] if open_prompt else []
            for each in stops:
                send({"id": each, "result": {"stopReason": "cancelled"}})
        elif method is None and message.get("id") == "p":
            say("answered: " + json.dumps(message.get("result")))
            send({"id": open_prompt.pop(), "result": {"stopReason": "end_turn"}})


open_prompt: list[Any] = []


def on_prompt(identity: Any, blocks: list[dict[str, Any]]) -> None:
    text = blocks[-1]["text"]
    stop = "end_turn"
    if "blocks" in text:
        say(json.dumps([block["text"] for block in blocks]))
    if "unknown" in text:
        update({"sessionUpdate": "brand_new", "x": 1})
        send({"method": "session/other", "params": {}})
        send({"id": "ask", "method": "fs/read_text_file", "params": {"path": "/etc/passwd"}})
    if "escape" in text:
        say("\x1b[2J\x1b]0;stolen\x07\x9b31mred\r\nnext\x00\n")
    if "huge" in text:
        raw(b'{"jsonrpc":"2.0","method":"session/update","params":{"x":"' + b"x" * (70 << 20) + b'"}}\n')
    if "noise" in text:
        raw(b"42\nnull\n[1]\n{}\nnot json\n" * 20)
    if "open" in text:
        open_prompt.append(identity)
        return
    if "ask" in text:
        open_prompt.append(identity)
        options = [{"optionId": "a", "name": "Allow", "kind": "allow_once"}, {"optionId": "r", "name": "Reject", "kind": "reject_once"}]
        call = {"toolCallId": "1", "title": "Run `rm -rf`", "kind": "execute", "rawInput": {"command": "rm -rf \x1b[2J"}}
        send({"id": "p", "method": "session/request_permission", "params": {"sessionId": "x", "toolCall": call, "options": options}})
        return
    if "overloaded" in text:
        send({"id": identity, "error": {"code": -32603, "message": "Internal error", "data": {"details": "API Error: 529 Overloaded"}}})
        return
    if "refuse" in text:
        stop = "refusal"
    if "deaf" in text:
        raw(b"")
        time.sleep(600)
    if "close" in text:
        os.close(1)
        time.sleep(600)
    if "die" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "exit" in text:
        raise SystemExit(7)
    say(f"said: {text}")
    send({"id": identity, "result": {"stopReason": stop}})


if __name__ == "__main__":
    main(sys.argv[1:])
