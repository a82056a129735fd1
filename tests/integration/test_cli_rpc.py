"""The commands against a real socket: what they ask, what they print, how they end."""

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.cli.main import main
from roost.client.once import LOSSES
from roost.local.paths import find_places
from tests.support.home import Home
from tests.support.rpc_server import Record, RpcServer, error, hang_up, result, serve

ID = "0190abcdef0123456789abcdef012345"
SESSION = {
    "id": "0190ffff",
    "generation": 3,
    "agent_pid": 11,
    "shim_pid": 12,
    "server_pid": 13,
    "socket": "/s",
    "conversation": "c1",
    "started_at": "2026-01-02T03:04:05.000Z",
}
Captured = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("home")


def row(name: str, state: str = "idle", **more: object) -> Record:
    return {
        "name": name,
        "runtime": "demo",
        "dir": "/w",
        "wake": "warm",
        "state": state,
        "why": "the prompt is ready",
        "since": "2026-01-02T03:04:05.000Z",
        "queued": 0,
        "stopped": False,
        "session": None,
        **more,
    }


@pytest.mark.parametrize("arguments", [["list"], ["list", "--debug"]])
def test_list_shows_a_table(daemon: RpcServer, arguments: list[str], capsys: Captured) -> None:
    daemon.on("list", result([row("alice", session=SESSION), row("bob", "asleep", queued=2)]))
    assert main(arguments) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["NAME", "RUNTIME", "STATE", "SINCE", "QUEUED", "WHY"]
    assert lines[1][:3] == ["alice", "demo", "idle"]
    assert lines[2][4] == "2"


@pytest.mark.parametrize(
    "arguments",
    [["list", "--json"], ["--json", "list"], ["list", "--json", "--debug"], ["--json", "--debug", "list"]],
)
def test_json_is_accepted_before_and_after_the_command(
    daemon: RpcServer, arguments: list[str], capsys: Captured
) -> None:
    daemon.on("list", result([row("alice")]))
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == [row("alice")]


def test_home_is_accepted_before_and_after_the_command(home: Home) -> None:
    with serve(find_places({}, str(home.work / "other")).socket) as server:
        server.on("list", result([]))
        assert main(["--home", str(home.work / "other"), "list"]) == 0
        assert main(["list", "--home", str(home.work / "other")]) == 0
        assert len(server.requests) == 2


def test_an_empty_registry_is_not_an_error(daemon: RpcServer, capsys: Captured) -> None:
    daemon.on("list", result([]))
    assert main(["list"]) == 0
    assert "roost add" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_an_unknown_peer_is_the_daemons_sentence_and_exit_code_4(daemon: RpcServer, capsys: Captured) -> None:
    daemon.on("show", error("not-found", "there is no peer 'alcie'; did you mean 'alice'?", 4))
    assert main(["show", "alcie"]) == 4
    assert capsys.readouterr().err == "roost: there is no peer 'alcie'; did you mean 'alice'?\n"


def test_show_tells_all(daemon: RpcServer, capsys: Captured) -> None:
    more = {
        "settings": {"idle": "1h", "prompt": "a\nb"},
        "topics": ["t"],
        "quarantine": None,
        "fresh_next": True,
    }
    daemon.on("show", result(row("alice", session=SESSION, **more)))
    assert main(["show", "alice"]) == 0
    shown = capsys.readouterr().out
    assert all(
        word in shown
        for word in ("begins anew at its next wake", "agent 11, shim 12, server 13", "prompt", "c1")
    )


def test_send_prints_the_id_and_asks_for_all_that_was_said(
    daemon: RpcServer, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    daemon.on(
        "send", result({"id": ID, "state": "queued", "why": "", "reply": None}, notes=["bob is stopped"])
    )
    monkeypatch.setenv("ROOST_TOKEN", "s3cret")
    monkeypatch.chdir(home.work)
    Path("note.txt").write_text("x")
    options = ["--topic", "t", "--reply-to", "0190aaaa", "--attach", "note.txt", "--ttl", "1h", "--key", "k"]
    assert main(["send", "bob", "hello", "you", "--from", "ann", *options]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (ID + "\n", "bob is stopped\n")
    assert daemon.requests[-1]["token"] == "s3cret"
    assert daemon.last == {
        "to": "bob",
        "body": "hello you",
        "from": "ann",
        "topic": "t",
        "reply_to": "0190aaaa",
        "attach": [str(home.work / "note.txt")],
        "when": "next",
        "ttl": 3600.0,
        "key": "k",
        "wait": "stored",
        "timeout": None,
        "words": ["hello", "you"],
    }


@pytest.mark.parametrize(
    "body",
    ["-x", "--", "!cmd", "/quit", "ends with \\", "@word", "a\x1b[201~b", "a\x00b", "שלום 🙂", " \n x \n"],
)
@pytest.mark.parametrize("form", ["argument", "stdin", "dash", "file"])
def test_a_body_arrives_as_it_was_given(
    daemon: RpcServer, home: Home, monkeypatch: pytest.MonkeyPatch, body: str, form: str
) -> None:
    daemon.on("send", result({"id": ID, "state": "queued", "why": "", "reply": None}))
    (home.work / "body").write_bytes(body.encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body.encode())))
    arguments = {
        "argument": ["--", "bob", body],
        "stdin": ["bob"],
        "dash": ["bob", "-"],
        "file": ["bob", "--file", str(home.work / "body")],
    }[form]
    assert main(["send", *arguments]) == 0
    assert daemon.last["body"] == body


def test_a_body_of_a_whole_mib_fits(daemon: RpcServer, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.on("send", result({"id": ID, "state": "queued", "why": "", "reply": None}))
    body = "é" * (512 * 1024)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body.encode())))
    assert main(["send", "bob"]) == 0
    assert daemon.last["body"] == body


def test_send_refuses_bytes_that_are_no_text_before_it_asks(
    daemon: RpcServer, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ok\xff")))
    assert main(["send", "bob"]) == 2
    assert "standard input is not UTF-8 (byte 2)" in capsys.readouterr().err
    assert main(["send", "bob", "x", "--topic", os.fsdecode(b"\xff")]) == 2
    assert "not UTF-8" in capsys.readouterr().err
    assert daemon.requests == []


def test_send_wait_replied_prints_the_reply(daemon: RpcServer, capsys: Captured) -> None:
    reply = {"id": "r", "from": "bob", "body": "echo: hi", "attachments": ["/a.txt", "/b\n.txt"]}
    events = [{"id": ID, "state": "queued", "why": ""}, {"state": "starting", "why": "booting"}]
    daemon.on("send", result({"id": ID, "state": "done", "why": "", "reply": reply}, events=events))
    assert main(["send", "bob", "hi", "--wait", "replied", "--timeout", "5s"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "echo: hi\n"
    assert captured.err == "attached by bob: /a.txt\nattached by bob: /b .txt\n"
    assert (daemon.last["wait"], daemon.last["timeout"]) == ("replied", 5.0)
    assert main(["send", "bob", "hi", "--wait", "replied", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reply"] == reply
    assert daemon.last["timeout"] == 600.0


@pytest.mark.parametrize("wait", ["accepted", "done"])
def test_a_wait_that_runs_out_is_exit_code_3_and_names_the_message(
    daemon: RpcServer, wait: str, capsys: Captured
) -> None:
    sentence = f"not {wait} yet; the message stays: `roost message {ID}`"
    events: list[Record] = [{"id": ID, "notes": []}, {"state": "starting", "why": "it is launched"}]
    daemon.on("send", error("timeout", sentence, 3, events=events))
    assert main(["send", "bob", "hi", "--wait", wait, "--timeout", "1s"]) == 3
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (
        ID + "\n",
        f"roost: {sentence}; bob is starting: it is launched\n",
    )


def test_a_wait_that_runs_out_prints_json_when_asked(daemon: RpcServer, capsys: Captured) -> None:
    stored = {"id": ID, "state": "queued", "why": ""}
    daemon.on("send", error("timeout", "not done yet; the message stays", 3, events=[stored]))
    assert main(["send", "bob", "x", "--wait", "done", "--timeout", "1s", "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == {"id": ID}


def test_a_wait_for_what_is_there_at_once_takes_a_timeout_too(daemon: RpcServer) -> None:
    daemon.on("send", result({"id": ID}))
    assert main(["send", "bob", "x", "--wait", "stored", "--timeout", "1s"]) == 0
    assert (daemon.last["wait"], daemon.last["timeout"]) == ("stored", None)


@pytest.mark.parametrize(
    ("state", "why", "command"),
    [
        ("blocked", "a dialog is open", "roost attach bob"),
        ("quarantined", "3 deaths within 5m", "roost start bob"),
        ("stopped", "parked", "roost start bob"),
        ("unknown", "the screen cannot be read", "roost restart bob"),
    ],
)
def test_show_names_the_command_that_mends_a_state(
    daemon: RpcServer, state: str, why: str, command: str, capsys: Captured
) -> None:
    daemon.on("show", result(row("bob", state, why=why)))
    assert main(["show", "bob"]) == 0
    assert command in capsys.readouterr().out


def test_an_agents_doctor_leaves_out_what_is_for_operators(
    daemon: RpcServer, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    daemon.on("status", result({"version": "0", "pid": 1}))
    monkeypatch.setenv("ROOST_TOKEN", "t")
    main(["doctor", "--json"])
    found = {finding["check"]: finding["ok"] for finding in json.loads(capsys.readouterr().out)}
    assert found["daemon"] is True


def test_a_daemon_that_goes_away_is_said(daemon: RpcServer, capsys: Captured) -> None:
    daemon.on("send", hang_up())
    assert main(["send", "bob", "hi"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "the daemon went away and is not back; the message may have been stored" in said
    keys = [request["params"]["key"] for request in daemon.requests]
    assert keys == [daemon.last["key"]] * LOSSES, "one key, by which it is one message"
    assert f"--key {daemon.last['key']} stores it once" in said
    daemon.on("send", hang_up(events=[{"id": ID, "state": "idle", "why": ""}]))
    assert main(["send", "bob", "hi", "--wait", "replied", "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == {"id": ID}, "whoever sends again without knowing sends twice"
    assert f"message {ID} stays" in told.err
    assert daemon.last["key"], "it is asked again with its key"
    daemon.on("events", hang_up(events=[{"seq": 7, "ts": None, "kind": "ready", "peer": "bob"}]))
    assert main(["events"]) == 1
    assert "`roost events --after 7`" in capsys.readouterr().err


def test_N2_a_daemon_that_goes_away_and_is_back_is_asked_again_and_has_one_message(
    daemon: RpcServer, capsys: Captured
) -> None:
    def lost_once(request: Record) -> Iterator[Record]:
        daemon.on("send", result({"id": ID, "key": request["params"]["key"]}))
        return iter(())

    daemon.on("send", lost_once)
    assert main(["send", "bob", "hi", "--json"]) == 0
    first, second = (request["params"] for request in daemon.requests)
    assert first == second
    assert json.loads(capsys.readouterr().out)["key"] == first["key"]


def test_a_stale_socket_is_no_daemon(capsys: Captured) -> None:
    path = find_places(os.environ).socket
    with serve(path):
        kept = path.with_suffix(".kept")
        path.rename(kept)
    kept.rename(path)
    assert main(["status"]) == 5
    assert "roost up" in capsys.readouterr().err


def test_an_overlong_home_works(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOST_HOME", str(home.work / ("long" * 40)))
    path = find_places(os.environ).socket
    try:
        with serve(path) as server:
            server.on("list", result([]))
            assert main(["list"]) == 0
    finally:
        path.parent.rmdir()


@pytest.mark.parametrize(
    ("arguments", "method", "params"),
    [
        (["wake", "bob"], "wake", {"name": "bob", "mode": "natural"}),
        (["wake", "bob", "--fresh"], "wake", {"name": "bob", "mode": "fresh"}),
        (["wake", "bob", "--resume"], "wake", {"name": "bob", "mode": "resume"}),
        (["restart", "bob"], "restart", {"name": "bob", "resume": False}),
        (["restart", "bob", "--resume"], "restart", {"name": "bob", "resume": True}),
        (["sleep", "bob"], "sleep", {"name": "bob"}),
        (["wait", "bob"], "wait", {"name": "bob", "state": "idle", "timeout": None}),
        (
            ["wait", "bob", "--for", "asleep", "--timeout", "90"],
            "wait",
            {"name": "bob", "state": "asleep", "timeout": 90.0},
        ),
    ],
)
def test_wake_and_restart(
    daemon: RpcServer, arguments: list[str], method: str, params: Record, capsys: Captured
) -> None:
    daemon.on(method, result(row("bob"), events=[{"state": "starting", "why": "booting"}]))
    assert main(arguments) == 0
    assert capsys.readouterr() == ("bob is idle: the prompt is ready\n", "")
    assert daemon.last == params


def test_stop_and_start(daemon: RpcServer, capsys: Captured) -> None:
    daemon.on("stop", result([row("bob", "stopped")]))
    daemon.on("start", result([row("bob", "asleep"), row("ann", "asleep")]))
    assert main(["stop", "bob"]) == 0
    assert capsys.readouterr().out == "bob is stopped: the prompt is ready\n"
    assert daemon.last == {"name": "bob", "all": False}
    assert main(["start", "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert daemon.last == {"name": None, "all": True}
    passed = {**row("ann"), "error": {"code": "refused", "message": "'ann' is being removed"}}
    daemon.on("stop", result([passed]))
    assert main(["stop", "--all"]) == 0
    told = "roost: 'ann': passed over: 'ann' is being removed\n"
    assert capsys.readouterr() == ("", told)
    failed = {**row("bob"), "error": {"code": "store", "message": "the disk is full"}}
    daemon.on("stop", result([passed, failed]))
    assert main(["stop", "--all"]) == 1
    assert capsys.readouterr() == ("", f"{told}roost: 'bob': the disk is full\n")


def test_add_sends_settings_as_texts(
    daemon: RpcServer, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    daemon.on("add", result({"name": "bob"}))
    monkeypatch.chdir(home.work)
    options = [
        "--env",
        "A=1=2",
        "--env",
        "B=",
        "--arg",
        "-x",
        "--arg",
        "a b",
        "--idle",
        "10m",
        "--restart-window",
        "1h",
    ]
    assert main(["add", "bob", "--runtime", "demo", "--dir", "sub", *options]) == 0
    assert daemon.last == {
        "name": "bob",
        "settings": {
            "runtime": "demo",
            "dir": str(home.work / "sub"),
            "env.A": "1=2",
            "env.B": "",
            "args": "-x 'a b'",
            "idle": "10m",
            "restart_window": "1h",
        },
    }
    assert "added bob" in capsys.readouterr().out


def test_init_makes_a_peer_for_the_folder(
    daemon: RpcServer, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    daemon.on("add", result({"name": "w"}))
    program = home.work / "codex"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.chdir(home.work)
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["init"]) == 2
    assert "npm install -g @anthropic-ai/claude-code" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(home.work))
    assert main(["init"]) == 0
    assert daemon.last == {"name": "w", "settings": {"runtime": "codex", "dir": str(home.work)}}


def test_set_sends_pairs_in_order(daemon: RpcServer, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.on("set", result({"name": "bob", "settings": {"idle": "10m"}}))
    monkeypatch.chdir(home.work)
    assert main(["set", "bob", "idle=10m", "prompt=a=b", "dir=x"]) == 0
    assert daemon.last == {
        "name": "bob",
        "pairs": [["idle", "10m"], ["prompt", "a=b"], ["dir", str(home.work / "x")]],
    }


def test_P11_remove_says_that_the_folder_was_kept(daemon: RpcServer, capsys: Captured) -> None:
    daemon.on("remove", result({"name": "bob", "dir": "/w"}))
    assert main(["remove", "bob", "--force"]) == 0
    assert capsys.readouterr().out == (
        "removed bob: all messages to it and records of it are gone; its folder /w stays\n"
    )
    assert daemon.last == {"name": "bob", "force": True}


def test_messages_and_message(daemon: RpcServer, capsys: Captured) -> None:
    message = {
        "id": ID,
        "from": "ann",
        "to": "bob",
        "state": "done",
        "why": "",
        "created_at": None,
        "topic": "t",
    }
    daemon.on("messages", result([message]))
    assert main(["messages", "bob", "--state", "done"]) == 0
    asked = {key: value for key, value in daemon.last.items() if value is not None}
    assert asked == {"name": "bob", "state": "done", "limit": 50}
    assert ID[:16] in capsys.readouterr().out
    story = [{"at": "2026-01-02T03:04:05.000Z", "what": "stored, from ann"}]
    daemon.on("message", result({**message, "replies": ["r1"], "attempts": [], "story": story}))
    assert main(["message", ID[:8]]) == 0
    assert "stored, from ann" in capsys.readouterr().out


def test_events_are_one_json_object_a_line(daemon: RpcServer, capsys: Captured) -> None:
    events = [{"seq": n, "ts": None, "kind": "ready", "peer": "bob", "data": {"a": "b\nc"}} for n in (3, 4)]
    daemon.on("events", result(None, events=events))
    assert main(["events", "--peer", "bob", "--after", "2", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == events
    assert daemon.last == {"after": 2, "peer": "bob", "follow": False, "limit": None}
    assert main(["events"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_P9_deaths_show_signal_and_evidence(daemon: RpcServer, capsys: Captured) -> None:
    death = {
        "peer": "bob",
        "session": "s",
        "generation": 1,
        "at": None,
        "cause": "crashed",
        "exit_code": None,
        "signal": 9,
        "by": None,
        "evidence": "death record",
        "counted": True,
        "last_lines": ["demo> \x1b[0mhi"],
    }
    daemon.on("deaths", result([death]))
    assert main(["deaths"]) == 0
    assert "SIGKILL" in capsys.readouterr().out
    assert main(["deaths", "bob"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("SIGKILL", "death record", "counts as a crash", "| demo> "))
    assert "\x1b" not in shown


def test_screen_and_logs_are_plain_text_off_a_terminal(
    daemon: RpcServer, home: Home, capsys: Captured
) -> None:
    daemon.on("screen", result({"text": "demo> \n\n\n"}))
    assert main(["screen", "bob"]) == 0
    assert capsys.readouterr().out == "demo> \n"
    log = home.work / "pane.log"
    daemon.on("logs", result({"path": str(log)}))
    assert main(["logs", "bob"]) == 1
    assert "has not shown anything yet" in capsys.readouterr().err
    log.write_bytes(b"one\r\n\x1b[1mtwo\x1b[0m\r\n\x1b]0;title\x07three\x1b[?25l\r\n")
    assert main(["logs", "bob", "--lines", "2"]) == 0
    assert capsys.readouterr().out == "two\nthree\n"


def test_done_speaks_with_the_sessions_token(daemon: RpcServer, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.on("done", result({}))
    monkeypatch.setenv("ROOST_TOKEN", "t")
    assert main(["done", "all", "green"]) == 0
    asked = {"id": 1, "method": "done", "params": {"summary": "all green"}, "token": "t"}
    assert daemon.requests[-1] == asked
