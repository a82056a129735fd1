"""What a child sees of our environment."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from roost.host.environment import child_environment, terminal_name
from roost.terminfo import knows

_FOREIGN = {
    "CLAUDECODE": "1",
    "CLAUDE_CODE_SESSION_ID": "x",
    "TMUX": "/tmp/other,1,0",
    "TMUX_PANE": "%3",
    "ROOST_TOKEN": "secret",
    "ROOST_SESSION": "another",
    "ROOST_NONCE": "another",
    "ROOST_URL": "http://127.0.0.1:1",
    "ANTHROPIC_API_KEY": "key",
}
_OURS = {"HOME": "/h", "PATH": "/bin", "LC_ALL": "C.UTF-8", "XDG_RUNTIME_DIR": "/r", "https_proxy": "p"}


def test_only_listed_names_pass() -> None:
    child = child_environment({**_FOREIGN, **_OURS}, {})
    assert child == {**_OURS, "TERM": "tmux-256color", "COLORTERM": "truecolor"}


def test_further_names_pass_when_named() -> None:
    child = child_environment({**_FOREIGN, "AWS_REGION": "x"}, {}, ["ANTHROPIC_API_KEY", "AWS_*"])
    assert child["ANTHROPIC_API_KEY"] == "key"
    assert child["AWS_REGION"] == "x"


def test_surrounding_session_never_passes_even_when_named() -> None:
    child = child_environment(_FOREIGN, {}, ["*", "CLAUDECODE", "ROOST_TOKEN", "TMUX"])
    assert set(child) == {"ANTHROPIC_API_KEY", "TERM", "COLORTERM"}


def test_what_the_daemon_sets_wins() -> None:
    child = child_environment(
        {"HOME": "/h", "ROOST_SESSION": "another"}, {"ROOST_SESSION": "s", "HOME": "/x"}
    )
    assert child["ROOST_SESSION"] == "s"
    assert child["HOME"] == "/x"


def test_test_helpers_pass() -> None:
    child = child_environment({"ROOST_DEMO_LOG": "/l", "ROOST_TEST_RUN": "n"}, {})
    assert child["ROOST_DEMO_LOG"] == "/l"
    assert child["ROOST_TEST_RUN"] == "n"


@given(st.dictionaries(st.text(min_size=1), st.text()), st.lists(st.text()))
def test_nothing_of_roost_tmux_or_claude_leaks(base: dict[str, str], names: list[str]) -> None:
    child = child_environment({**base, **_FOREIGN}, {}, [*names, "*"])
    assert not {name for name in child if name.startswith(("ROOST_", "TMUX"))} - {"ROOST_DEMO_LOG"}
    assert not {"CLAUDECODE", "CLAUDE_CODE_SESSION_ID"} & set(child)
    assert all("\0" not in value for value in child.values())


def test_terminal_falls_back_where_terminfo_lacks_it(tmp_path: Path) -> None:
    (tmp_path / ".terminfo/74").mkdir(parents=True)
    (tmp_path / ".terminfo/74/tmux-256color").touch()
    assert terminal_name({"HOME": str(tmp_path)}) == "tmux-256color"
    assert terminal_name({}) in ("tmux-256color", "screen-256color")


def test_a_terminal_is_known_where_a_program_would_find_its_entry(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/mine").touch()
    folder = str(tmp_path)
    for environ in ({"TERMINFO": folder}, {"TERMINFO_DIRS": f":/none:{folder}"}):
        assert knows("mine", environ)
        assert not any(knows(name, environ) for name in ("", "other", "m/mine", "../m/mine"))
    assert not knows("mine", {"HOME": folder})
    assert knows("held", {"TERM": "held", "TERMINFO": "hex:1a01"})
    assert not knows("other", {"TERM": "held", "TERMINFO": "hex:1a01"})
