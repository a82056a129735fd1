"""How a view is reached: in which program, with which settings of its user, by which keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wish:
    """How the program is started, and what its user has set.

    `trusted`: the folder is; `seeded`: it has been used before; `STUB` in a file is the stub server.
    `agent_view`: Claude Code's, which roost switches off.
    """

    trusted: bool = True
    seeded: bool = True
    repository: bool = False
    agent_view: bool = False
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    args: tuple[str, ...] = ()
    resume: str | None = None
    claude_json: Mapping[str, object] = field(default_factory=dict[str, object])
    claude_settings: Mapping[str, object] = field(default_factory=dict[str, object])
    codex_config: str = ""
    files: Mapping[str, str] = field(default_factory=dict[str, str])


PLAIN = Wish()


@dataclass(frozen=True, slots=True)
class Visit:
    """One view: its name, the steps to it, the keys that are tried to leave it, one after the other.

    A step is a key by tmux's name, `=text` to type, `^text` to paste (`\\n` is a line break), `~seconds` to
    wait, `?regex` to wait for something on the screen, `<80x24` to change the size. `fresh`: in a new
    conversation. `at_once`: what stands there as soon as the steps are done.
    """

    view: str
    steps: tuple[str, ...] = ()
    leave: tuple[str, ...] = ("Escape",)
    wish: Wish = PLAIN
    fresh: bool = False
    at_once: bool = False
