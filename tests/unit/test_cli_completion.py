"""15.7: what completion offers for each kind of argument and option, and the files that it writes."""

import contextlib
import shlex
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from roost.cli.catalog import MODULES, find
from roost.cli.command import Argument, Choice, Option
from roost.cli.completion import candidates as module
from roost.cli.completion.bash_words import plain, quoted
from roost.cli.completion.candidates import candidates
from roost.cli.completion.kinds import CHOICE, FILE, FOLDER, kind_of
from roost.cli.completion.known import Known, Named
from roost.cli.completion.scripts import SCRIPTS
from roost.cli.main import main
from roost.local.config import RESERVED
from tests.support.home import Home

Captured = pytest.CaptureFixture[str]
FREE = {
    *("new", "body", "text", "pairs", "turns", "summary", "session", "rule", "end", "option"),
    *("topic", "ttl", "key", "timeout", "since", "limit", "after", "lines", "message", "port", "file"),
    *("description", "prompt", "idle", "quiet", "silence", "work_limit", "queue_limit", "sender_limit"),
    *("restarts", "restart_window", "pool", "server", "thread", "env", "args", "wake", "resume", "away"),
    *("chain_limit", "quote", "reply_within"),
    *("what", "remove", "listen", "advertise", "host", "hub", "uses"),
}
"""What people make up, by the name of its parameter."""

pytestmark = pytest.mark.usefixtures("home")


def parameters() -> list[tuple[str, Argument | Option]]:
    """Every argument, and every option with a value, of every command."""
    found: list[tuple[str, Argument | Option]] = []
    for name in MODULES:
        command = find(name)
        assert command is not None
        options = [option for option in (*command.options, *command.of_all) if option.takes_value]
        found += [(name, each) for each in (*command.arguments, *options)]
    return found


def before(name: str, parameter: Argument | Option) -> list[str]:
    """A line up to this parameter."""
    if isinstance(parameter, Option):
        return [name, parameter.flag]
    command = find(name)
    assert command is not None
    words = [name]
    for argument in command.arguments:
        if argument is parameter:
            break
        words.append(argument.kind.words[0] if isinstance(argument.kind, Choice) else "x")
    return words


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The kinds that were asked for and about which question; each is answered by one name."""
    kinds: list[tuple[str, str]] = []

    def of(_known: Known, kind: str, question: str, _word: str) -> list[Named]:
        kinds.append((kind, question))
        return [Named(f"a-{kind}", "told")]

    monkeypatch.setattr(Known, "of", of)
    return kinds


def test_every_parameter_of_every_command_is_completed_as_its_kind(asked: list[tuple[str, str]]) -> None:
    for name, parameter in parameters():
        kind, found = kind_of(find(name), parameter), candidates([*before(name, parameter), ""])
        if isinstance(parameter.kind, Choice):
            assert kind == CHOICE
            assert [one.name for one in found] == list(parameter.kind.words)
        elif kind in {FILE, FOLDER}:
            assert found == [Named("", f"{kind}s")]
        elif kind is None:
            assert found == [], (name, parameter.name)
            assert parameter.name in FREE | {"name"}, (
                f"{name}: say in roost.cli.completion.kinds what it takes"
            )
        else:
            assert found == [Named(f"a-{kind}", "told")], (name, parameter.name)
            assert asked[-1][0] == kind
    assert {kind for kind, _ in asked} == {"peer", "message", "question", "answer", "runtime"}


@pytest.mark.parametrize("name", list(MODULES))
def test_every_option_of_every_command_is_offered(name: str) -> None:
    command = find(name)
    assert command is not None
    flags = [option.flag for option in (*command.options, *command.of_all)]
    found = candidates([name, "-"])
    assert [one.name for one in found] == [*flags, "--help"]
    assert all(one.text for one in found)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], list(MODULES)),
        ([""], list(MODULES)),
        (["help", ""], list(MODULES)),
        (["sen"], ["send"]),
        (["--home", "/x", "sen"], ["send"]),
        (["--ho"], ["--home"]),
        (["nothing", ""], []),
        (["ls", "--w"], ["--watch"]),
        (["list", "--watch", "--w"], []),
        (["add", "b", "--env", "A=1", "--en"], ["--env"]),
        (["wait", "b", "--for", "i"], ["idle"]),
        (["wait", "b", "--for=i"], ["--for=idle"]),
        (["wait", "--for=idle", ""], ["a-peer"]),
        (["send", "a-"], ["a-peer"]),
        (["send", "--topic", "--from", ""], ["a-peer"]),
        (["send", "b", "some", "wor"], []),
        (["send", "b", "--", "--fi"], []),
        (["show", "--", "a"], ["a-peer"]),
        (["send", "--from=a"], ["--from=a-peer"]),
        (["runtimes", "show", ""], ["a-runtime"]),
        (["questions", ""], ["--all", "--json"]),
    ],
)
def test_what_may_stand_next(asked: list[tuple[str, str]], words: list[str], expected: list[str]) -> None:
    found = [one.name for one in candidates(words)]
    assert found[: len(expected)] == expected
    assert words == ["questions", ""] or len(found) == len(expected)
    assert {kind for kind, _ in asked} <= {"peer", "runtime"}


def test_answers_are_those_of_the_question_on_the_line(asked: list[tuple[str, str]]) -> None:
    candidates(["answer", "0190ab", ""])
    assert asked == [("answer", "0190ab")]


def test_without_a_daemon_only_what_is_known_is_said(capsys: Captured) -> None:
    for words in (["show", ""], ["message", ""], ["answer", ""], ["answer", "0190", ""]):
        assert main(["completion", "complete", "zsh", *words]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["completion", "complete", "zsh", "probe", ""]) == 0
    told = capsys.readouterr()
    assert {*RESERVED, "goose"} <= {line.partition("\t")[0] for line in told.out.splitlines()}
    assert told.err == ""
    assert main(["completion", "complete"]) == 0


def test_a_daemon_that_answers_drop_by_drop_is_given_up(home: Home, capsys: Captured) -> None:
    """It never ends its line, and is never silent for long: the bound is one for all of it."""
    (home.roost / "run").mkdir(parents=True)
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(home.roost / "run/roost.sock"))
        listening.listen()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                while not done.wait(0.02):
                    connection.sendall(b" ")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert main(["completion", "complete", "zsh", "show", ""]) == 0
            assert dripping.is_alive()
            assert capsys.readouterr() == ("", "")
        finally:
            done.set()
            dripping.join()


def test_home_on_the_line_is_where_runtimes_are_read(home: Home, capsys: Captured) -> None:
    """A config file that is broken there leaves what needs none."""
    other = home.root / "other"
    other.mkdir()
    (other / "config.toml").write_text('[runtimes.mine]\nargv = ["x"]\nready = "y"\n')
    assert main(["completion", "complete", "zsh", "--home", str(other), "probe", "mi"]) == 0
    assert capsys.readouterr().out == "mine\tfrom config\n"
    (other / "config.toml").write_text("[runtimes")
    assert main(["completion", "complete", "zsh", "--home", str(other), "probe", "clau"]) == 0
    assert capsys.readouterr() == ("claude\tbuilt in\nclaude-acp\tready-made\n", "")


ODD = 'it\'s "$HOME" `x` a\\b: é;(*)?~!#&<|>{}'


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_bash_takes_odd_words_as_they_are(quote: str) -> None:
    word = ODD.replace("'", "") if quote == "'" else ODD.replace("!", "")
    written = f"{quote}{quoted(word, quote)}{quote}"
    said = subprocess.run(["bash", "-c", f"printf %s {written}"], capture_output=True, check=True, text=True)
    assert said.stdout == word
    assert plain(written) == (word, "")
    assert plain(f"--to={quote}ab") == ("--to=ab", quote)


@pytest.mark.parametrize("word", ["plain", "'a b'c", '"a\\"b"', "a\\ b", "'$x'\"y\"", '"a\\b"', "''"])
def test_words_of_bash_are_read_as_bash_reads_them(word: str) -> None:
    assert plain(word) == (shlex.split(word)[0], "")


def test_what_a_candidate_says_stays_on_its_line(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    def of(*_: object) -> list[Named]:
        return [Named("a", "one\ntwo\x1b[2J\tthree"), Named("b\nc", ""), Named("b\td", "")]

    monkeypatch.setattr(module.Known, "of", of)
    assert main(["completion", "complete", "fish", "show", ""]) == 0
    assert capsys.readouterr().out == "a\tone two[2J three\n"


PLACES = {
    "bash": ".local/share/bash-completion/completions/roost",
    "zsh": ".zfunc/_roost",
    "fish": ".config/fish/completions/roost.fish",
}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_install_writes_one_file_once_and_uninstall_takes_it_back(
    shell: str, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    path = home.user / PLACES[shell]
    assert main(["completion", "print"]) == 0
    text = capsys.readouterr().out
    assert main(["completion", "install"]) == 0
    assert capsys.readouterr().out.startswith(f"wrote {path}\n")
    assert [each for each in home.user.rglob("*") if each.is_file()] == [path]
    assert path.read_text() == text
    number = path.stat().st_ino
    assert main(["completion", "install", shell]) == 0
    assert "is there already" in capsys.readouterr().out
    assert path.stat().st_ino == number
    path.write_text(text + "# of an older version\n")
    assert main(["completion", "install", shell]) == 0
    assert path.read_text() == text
    assert main(["completion", "uninstall"]) == 0
    assert not path.exists()
    assert main(["completion", "uninstall"]) == 0
    assert capsys.readouterr().out.endswith(f"no completion is installed for {shell}\n")


def state_of(path: Path) -> tuple[int, ...]:
    """What changes when somebody changes or replaces it, and not when somebody reads it."""
    found = path.lstat()
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@pytest.mark.parametrize("action", ["install", "uninstall"])
@pytest.mark.parametrize("how", ["file", "link", "dead link", "folder"])
def test_what_is_not_ours_is_left_alone(action: str, how: str, home: Home, capsys: Captured) -> None:
    path = home.user / PLACES["fish"]
    path.parent.mkdir(parents=True)
    mine = home.work / "mine"
    if how == "folder":
        path.mkdir()
    elif how == "file":
        path.write_text("complete -c roost\n")
    else:
        path.symlink_to(mine)
    if how == "link":
        main(["completion", "print", "fish"])
        mine.write_text(capsys.readouterr().out)
    kept = state_of(path)
    assert main(["completion", action, "fish"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "is not a file that roost made" in said.err
    assert "`roost completion print fish`" in said.err
    assert state_of(path) == kept


@pytest.mark.parametrize(("shell", "said"), [("/bin/tcsh", "SHELL is 'tcsh'"), ("", "SHELL is not set")])
def test_a_shell_that_is_not_known_is_asked_for(
    shell: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("SHELL", shell)
    assert main(["completion", "install"]) == 2
    assert f"{said}; name the shell: bash, zsh, fish" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said(home: Home, capsys: Captured) -> None:
    (home.user / ".zfunc").write_text("")
    assert main(["completion", "install", "zsh"]) == 1
    assert ".zfunc" in capsys.readouterr().err
    assert Path(home.user / ".zfunc").read_text() == ""
