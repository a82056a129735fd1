"""Notifications of a real daemon, to programs and a receiver: each arrives, whatever breaks."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from roost.present.finding import Code
from tests.support.cures import Case, Doctor, cured
from tests.support.daemon import PATIENCE, Roost, alive, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.notified import (
    HOOKS,
    PROJECT,
    data,
    executable,
    lines,
    mail,
    prepare,
    until_rule,
    until_settled,
)
from tests.support.processes import carrying
from tests.support.receiver import (
    SECRET,
    Received,
    Receiver,
    WrongSignatureError,
    drips,
    hangs,
    make_certificate,
    receiver,
    says,
    verify,
)
from tests.support.small_disk import fill, small_disk
from tests.support.wait import wait_until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def hooks() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(scope="module")
def closed() -> Iterator[Receiver]:
    """One that refuses connections until it listens."""
    with receiver(listening=False) as made:
        yield made


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        problem = "there is no openssl; `scripts/test` installs it"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    folder = tmp_path_factory.mktemp("certificates")
    return make_certificate(folder / "known.pem"), make_certificate(folder / "strange.pem")


@pytest.fixture(scope="module")
def secured(certificates: tuple[Path, Path]) -> Iterator[tuple[Receiver, Receiver]]:
    """One whose certificate the daemon trusts, and one whose it does not."""
    with receiver(listening=False) as known, receiver(listening=False) as strange:
        for made, certificate in zip((known, strange), certificates, strict=True):
            made.listen(certificate)
        yield known, strange


@pytest.fixture(scope="module")
def shared(
    hooks: Receiver,
    closed: Receiver,
    secured: tuple[Receiver, Receiver],
    certificates: tuple[Path, Path],
) -> Iterator[Roost]:
    with shared_roost(lambda home: prepare(home, hooks, closed, *secured)) as made:
        made.down(agents=True)
        environ = {
            "PATH": f"{made.home.root / 'bin'}:{os.environ['PATH']}",
            "NOTIFY_KILL": str(made.home.root / "kill"),
            "NOTIFY_MINE": "passed",
            "DISPLAY": ":7",
            "SSL_CERT_FILE": str(certificates[0].with_suffix(".crt")),
            "PYTHONPATH": str(PROJECT),
        }
        made.start(sys.executable, "-m", "tests.support.notify_daemon", environ=environ)
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as ready:
        until_settled(ready)
        yield ready
        (ready.home.root / "wish").unlink(missing_ok=True)
        (ready.home.root / "kill").unlink(missing_ok=True)


def test_mail_is_told_signed_and_without_its_words(roost: Roost, hooks: Receiver) -> None:
    [ident] = mail(roost, "plain", "the words themselves", topic="a\u202eb\x1b[31m topic")
    [received] = hooks.until("/plain?token=not-to-be-shown")
    verify(SECRET, received)
    told = received.told
    assert (told["type"], told["id"], received.headers["content-type"]) == (
        "mail",
        received.id,
        "application/json",
    )
    assert {key: told["data"][key] for key in ("peer", "message", "sender", "rule")} == {
        "peer": "plain",
        "message": ident,
        "sender": "operator",
        "rule": "plain",
    }
    assert told["data"]["title"] == "plain has mail from operator"
    assert told["data"]["text"] == "[a b [31m topic]"
    assert b"words themselves" not in received.body
    wrong = Received(received.path, {**received.headers}, received.body + b" ")
    with pytest.raises(WrongSignatureError):
        verify(SECRET, wrong)
    with pytest.raises(WrongSignatureError):
        verify(SECRET, received, now=2e9)
    until_rule(roost, "plain", sent=1, waiting=0)


def test_a_rule_with_body_lets_an_excerpt_go_along(roost: Roost, hooks: Receiver) -> None:
    """The secret is that of a file; others may not read it."""
    secret = roost.home.root / "secret"
    mail(roost, "said", "be quick\x1b[2J\u202e: " + "y" * 5000)
    [received] = hooks.until("/said?token=not-to-be-shown")
    verify(SECRET, received)
    text = data(received)["text"]
    assert text.startswith("be quick [2J : yyy")
    assert len(text) == 500
    assert text.isprintable()
    secret.chmod(0o644)
    [done] = roost.call("notify_test", rule="said")
    assert (done["delivered"], done["error"].endswith("others can read this secret; chmod 600 it")) == (
        False,
        True,
    )
    secret.chmod(0o600)
    assert roost.call("notify_test", rule="said")[0]["delivered"]


def test_a_receiver_that_fails_gets_it_again_under_the_same_id(roost: Roost, hooks: Receiver) -> None:
    path = "/flaky?token=not-to-be-shown"
    hooks.answers[path].extend(
        [says(500), says(503), says(500), says(200, b"z" * (2 << 20)), says(410), says(204)]
    )
    mail(roost, "flaky", "one", "two", "three")
    received = hooks.until(path, 6)
    first, second, third = received[:4], received[4], received[5]
    assert len({each.id for each in (*first, second, third)}) == 3
    assert len({each.id for each in first}) == 1
    until_rule(roost, "flaky", sent=2, failed=4, given_up=1, error=None, waiting=0)
    kinds = [event["kind"] for event in roost.events(None, "notify-failing", "notify-works", "not-notified")]
    assert kinds == ["notify-failing", "notify-works", "not-notified"]
    for shown in (roost.cli("events").stdout, roost.said(), json.dumps(roost.call("doctor"))):
        assert "not-to-be-shown" not in shown
    metrics = roost.call("metrics")["text"]
    assert 'roost_notifications_total{rule="flaky",outcome="given-up"} 1' in metrics
    assert 'roost_notify_failing{rule="flaky"} 0' in metrics


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("redirect", "it redirects (302), which is not followed: name its last address"),
        ("drip", "no answer within 0.3 s"),
        ("hang", "no answer within 0.3 s"),
    ],
)
def test_what_a_receiver_does_wrong_is_told_and_holds_up_nothing(
    roost: Roost, hooks: Receiver, name: str, why: str
) -> None:
    path = f"/{name}?token=not-to-be-shown"
    wrong = {
        "redirect": says(302, location=f"http://127.0.0.1:{hooks.port}/elsewhere"),
        "drip": drips(hooks),
        "hang": hangs(hooks),
    }[name]
    hooks.answers[path].extend([wrong] * 3)
    mail(roost, name)
    until_rule(roost, name, error=why)
    findings = {each["check"]: each for each in roost.call("doctor")}
    assert findings[f"notify {name}"]["code"] in ("notify-failing", None)  # it may work by now
    assert roost.ask(roost.add("worker"), "go on") == "echo: go on"
    assert len({each.id for each in hooks.until(path, 4)}) == 1
    until_rule(roost, name, sent=1, error=None)
    assert hooks.at("/elsewhere") == []


def test_a_certificate_has_to_be_trusted(roost: Roost, secured: tuple[Receiver, Receiver]) -> None:
    known, strange = secured
    mail(roost, "known")
    mail(roost, "strange")
    assert data(*known.until("/known"))["peer"] == "known"
    until_rule(roost, "strange", error="its certificate is not trusted: self-signed certificate")
    assert strange.received == []


def test_a_storm_is_bounded_and_the_rest_is_summed_up(roost: Roost, hooks: Receiver) -> None:
    path = "/storm?token=not-to-be-shown"
    mail(roost, "storm", *(f"m{number}" for number in range(20)))
    wait_until(
        lambda: sum(counted(each) for each in hooks.at(path)) == 20,
        timeout=PATIENCE,
        why="all are told of",
        describe=lambda: [each.told for each in hooks.at(path)],
    )
    received = hooks.at(path)
    summaries = [each for each in received if each.told["type"] == "summary"]
    assert len(received) <= 6
    assert summaries
    assert data(summaries[0])["counts"].keys() == {"mail"}
    assert "storm" in data(summaries[0])["text"]
    until_rule(roost, "storm", waiting=0)


def counted(received: Received) -> int:
    return sum(data(received).get("counts", {"one": 1}).values())


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_daemon_that_is_killed_beside_a_send_sends_it_after_its_start(
    roost: Roost, hooks: Receiver, moment: str
) -> None:
    """Between commit and send nothing is lost; between send and record it is repeated under its id."""
    path = "/crash?token=not-to-be-shown"
    argv, environ = roost.started

    def told() -> list[Received]:
        """Without what the end of another test tells: peers are removed, and their mail with them."""
        return [each for each in hooks.at(path) if each.told["type"] != "dead-letter"]

    def until_told(count: int) -> list[Received]:
        wait_until(lambda: len(told()) >= count, timeout=PATIENCE, why=f"{count} are told", describe=told)
        return told()

    before = len(told())
    until_rule(roost, "started", waiting=0, sent=True)
    started = len(hooks.at("/started"))
    mail(roost, "crash", "first")
    until_told(before + 1)
    until_rule(roost, "crash", waiting=0)
    (roost.home.root / "kill").write_text(moment)
    mail(roost, "crash", "second")
    roost.daemon.wait(PATIENCE)
    (roost.home.root / "kill").unlink()
    roost.start(*argv, environ=environ)
    until_settled(roost)
    mail(roost, "crash", "third")
    times = {"before": 1, "after": 2}[moment]
    received = until_told(before + 2 + times)[before:]
    ids = [each.id for each in received]
    assert len(set(ids)) == 3
    assert ids == [ids[0], *[ids[1]] * times, ids[-1]]
    hooks.until("/started", started + 1)
    until_rule(roost, "crash", waiting=0)
    assert len(told()) == before + 2 + times
    [begun] = hooks.at("/started")[started:]
    assert begun.told["type"] == "restarted"


def test_dead_letters_questions_and_quarantine_are_told(roost: Roost, hooks: Receiver) -> None:
    path = "/dead?token=not-to-be-shown"
    roost.add("dead-breaks", restarts="1", args="--no-such-option")
    roost.send("dead-breaks", "kept")
    roost.call("wake", name=roost.add("dead-asks"))
    roost.send("dead-asks", "@@ask@@")
    roost.add("dead-acp", "demo-acp")
    roost.send("dead-acp", "@@ask@@\nit")
    roost.until_state("dead-acp", "blocked")
    wait_until(
        lambda: {"quarantined", "blocked", "question"} <= {each.told["type"] for each in hooks.at(path)},
        timeout=PATIENCE,
        why="all three are told",
        describe=lambda: [each.told for each in hooks.at(path)],
    )
    found = {each.told["type"]: data(each) for each in hooks.at(path)}
    assert found["blocked"]["title"] == "dead-asks needs a person"
    assert "Allow" not in json.dumps(found["blocked"])
    assert found["quarantined"]["text"].count("until") == 1
    [asked] = roost.call("questions")
    assert (found["question"]["peer"], found["question"]["question"]) == ("dead-acp", asked["id"])
    sent = roost.send("dead-breaks", "goes")["id"]
    roost.call("drop", id=sent)
    wait_until(
        lambda: "dead-letter" in {each.told["type"] for each in hooks.at(path)}, timeout=PATIENCE, why="told"
    )
    of_acp = [each.told["type"] for each in hooks.at(path) if data(each).get("peer") == "dead-acp"]
    assert of_acp == ["question"], "that it is blocked is the same news"


def test_a_command_has_the_facts_on_its_stdin_and_a_chosen_environment(roost: Roost) -> None:
    seen = roost.home.root / "seen"
    seen.unlink(missing_ok=True)
    mail(roost, "tool", "the words", topic="t")
    [(words, environ, told, pid, group)] = lines(seen, 1)
    assert words == ["it's one word", "$HOME"]
    assert pid == group
    assert (told["type"], told["data"]["peer"], "the words" in json.dumps(told)) == ("mail", "tool", False)
    assert environ["ROOST_NOTIFY_TYPE"] == "mail"
    assert environ["ROOST_NOTIFY_TITLE"] == "tool has mail from operator"
    assert (environ["NOTIFY_MINE"], "PYTHONPATH" in environ, "ROOST_HOME" in environ) == (
        "passed",
        False,
        False,
    )
    until_rule(roost, "tool", waiting=0)


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ("fail", "it failed with exit code 3: [31mno such phone"),
        ("hang", "it did not end within 0.6 s and was killed"),
        ("flood", "it wrote more than 262144 bytes to its standard error and was killed"),
        ("stay", None),
    ],
)
def test_a_command_that_goes_wrong_is_told_and_nothing_of_it_stays(
    roost: Roost, wish: str, why: str | None
) -> None:
    seen, stays = roost.home.root / "seen", roost.home.root / "seen.stays"
    seen.unlink(missing_ok=True)
    (roost.home.root / "wish").write_text(wish)
    [done] = roost.call("notify_test", rule="tool")
    assert done["error"] == why
    [(*_, pid, _)] = lines(seen, 1)
    gone = [pid, *([int(stays.read_text())] if wish == "stay" else [])]
    wait_until(lambda: not any(map(alive, gone)), timeout=PATIENCE, why="it is gone with all it started")
    assert not carrying("NOTIFY_STAYS=1")


def test_programs_that_are_not_there_and_receivers_that_fail_are_findings_with_a_cure(
    roost: Roost, closed: Receiver
) -> None:
    path = "/late?token=not-to-be-shown"
    absent = roost.home.root / "absent"
    [done] = roost.call("notify_test", rule="absent")
    assert done["error"] == f"{absent} cannot be started: No such file or directory"
    shower = roost.home.root / "bin" / "notify-send"
    shower.rename(shower.with_name("away"))
    elsewhere = shutil.which("notify-send") is not None
    finding = next(each for each in roost.call("doctor") if each["check"] == "notify desk")
    shower.with_name("away").rename(shower)
    assert finding["code"] == (None if elsewhere else "notify-missing")

    def refused() -> None:
        mail(roost, "late")
        until_rule(roost, "late", error="connection refused")
        assert "late fails since" in roost.cli("status").stdout
        tried = roost.cli("notify", "test", "late")
        assert tried.returncode == 1
        assert tried.stdout.endswith(f"127.0.0.1:{closed.port}): not delivered: connection refused\n")

    cured(
        Doctor(roost),
        Case(Code.NOTIFY_MISSING, act=lambda _doctor, _printed: executable(absent, "#!/bin/sh\n")),
        Case(
            Code.NOTIFY_FAILING,
            refused,
            lambda doctor, printed: [closed.listen(), doctor.cure(printed)],
            "late",
        ),
    )
    assert {each.told["type"] for each in closed.until(path, 2)} == {"mail", "test"}
    until_rule(roost, "late", error=None, waiting=0)


def test_the_desktop_is_shown_words_and_never_options_or_markup(roost: Roost) -> None:
    shown = roost.home.root / "shown"
    mail(roost, "desk", "--help\n<b>bold</b> & \x1b]0;title\x07 $(id)")
    [words] = lines(shown, 1)
    assert words == [
        "--app-name=roost",
        "--",
        "desk has mail from operator",
        "--help &lt;b&gt;bold&lt;/b&gt; &amp; ]0;title $(id)",
    ]


def test_agents_neither_see_nor_use_nor_write_rules(roost: Roost) -> None:
    roost.call("wake", name=roost.add("a"))
    token = roost.token("a")
    for method, params in (("notify_rules", {}), ("notify_test", {"rule": "plain"})):
        with pytest.raises(RemoteError, match="for operators"):
            roost.call(method, token=token, **params)
    with pytest.raises(RemoteError):
        roost.call("set", token=token, name="a", pairs=[["notify", "plain"]])
    shown = roost.cli("notify", "show", environ={"ROOST_TOKEN": token, "ROOST_SESSION": "x"})
    assert "plain" not in shown.stdout


def test_the_command_shows_rules_and_refuses_those_that_are_none(roost: Roost) -> None:
    shown = roost.cli("notify")
    assert shown.returncode == 0, shown
    for name in (*HOOKS, "tool", "desk", "absent", "started"):
        assert f"\n{name}  " in f"\n{shown.stdout}"
    assert "not-to-be-shown" not in shown.stdout
    assert SECRET not in shown.stdout
    wrong = roost.cli("notify", "test", "none")
    assert (wrong.returncode, "there is no rule 'none'" in wrong.stderr) == (4, True)
    assert shlex.split(roost.cli("notify", "show", "tool").stdout)[0] == "tool"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_an_alarm_is_told_although_the_store_takes_nothing(home: Home, hooks: Receiver) -> None:
    with small_disk(home.roost, "16m"):
        config = '[[notify]]\nname = "alarm"\non = ["alarm"]\nwebhook = "http://127.0.0.1:{}/alarm"\n'
        (home.roost / "config.toml").write_text(config.format(hooks.port))
        with roost_in(home) as roost:
            until_settled(roost)
            roost.add("box", "human")
            ballast = home.roost / "ballast"
            fill(ballast)

            def refused() -> bool:
                with suppress(RemoteError):
                    roost.send("box", "x" * 5000)
                return bool(hooks.at("/alarm"))

            wait_until(refused, timeout=PATIENCE, why="the alarm is told")
            [received] = hooks.at("/alarm")
            assert data(received)["cause"] == "store"
            assert "disk" in data(received)["text"]
            ballast.unlink()
            until_rule(roost, "alarm", sent=1, waiting=0, error=None)
            wait_until(lambda: roost.call("status")["alarm"] is None, timeout=PATIENCE, why="there is room")
