"""`roost inbox` against a real socket: what it prints of mail, at once and as it comes."""

import json

import pytest

from roost.cli.main import main
from tests.support.rpc_server import RpcServer, result

ID = "0190abcdef0123456789abcdef012345"
Captured = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("home")


def test_inbox_cannot_drive_the_terminal(daemon: RpcServer, capsys: Captured) -> None:
    item = {"id": ID, "from": "bob", "topic": None, "reply_to": None, "at": None, "notice": None}
    daemon.on("inbox", result([{**item, "body": "a\x1b[2Jb\nc", "attachments": ["/a.txt", "/b\x1b.txt"]}]))
    daemon.on("acknowledge", result({}))
    assert main(["inbox", "ann", "--ack"]) == 0
    assert daemon.last == {"name": "ann", "ids": [ID]}
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\n  attached: /a.txt\n  attached: /b" in shown
    assert shown.endswith("[2Jb\n  c\n")


def test_inbox_follow_prints_a_line_for_each_item(daemon: RpcServer, capsys: Captured) -> None:
    notice = {"about": ID, "outcome": "died", "why": "killed by SIGKILL"}
    item = {
        "id": "n",
        "from": "roost",
        "topic": None,
        "reply_to": ID,
        "body": "the same to an agent",
        "at": None,
        "notice": notice,
    }
    daemon.on("inbox", result(None, events=[item, item]))
    assert main(["inbox", "ann", "--follow", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [item, item]
    assert main(["inbox", "ann", "--follow"]) == 0
    shown = capsys.readouterr().out
    assert "the same to an agent" in shown, "it is a sentence, which quotes what it is about"
