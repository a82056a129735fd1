"""The settings of a peer as options of `add` and `init`; their values are checked where they are kept."""

from typing import NamedTuple


class Setting(NamedTuple):
    """One setting: its key in `set`, its option, the shape of its value, and one line of help."""

    key: str
    metavar: str
    help: str
    multiple: bool = False

    @property
    def option(self) -> str:
        """The option of `add`."""
        return {"args": "--arg", "env": "--env"}.get(self.key, "--" + self.key.replace("_", "-"))


SETTINGS = (
    Setting("dir", "DIR", "The folder it works in (default: the current one)."),
    Setting(
        "runtime",
        "R",
        "The program: claude, codex, gemini, opencode, human, demo, or another that `roost runtimes` lists.",
    ),
    Setting(
        "wake",
        "WHEN",
        "warm: on demand, sleeps when idle; ephemeral: one session per task; always: kept up; never: only a"
        " person starts it, by `roost run`.",
    ),
    Setting(
        "resume",
        "WHEN",
        "Go on with the earlier conversation: topic (when the topic is known), always, never.",
    ),
    Setting("description", "TEXT", "What it is for; other agents see it."),
    Setting("prompt", "TEXT", "Standing instructions for it."),
    Setting("idle", "DURATION", "Sleep after so long without work."),
    Setting("quiet", "DURATION", "Ephemeral: end so long after the reply."),
    Setting("silence", "DURATION", "Ephemeral: end after so long without a reply."),
    Setting(
        "work_limit",
        "DURATION",
        "How long a turn without an answer, an open question or work in the background keeps a session that"
        " would be ended otherwise, from its last sign of life.",
    ),
    Setting("queue_limit", "N", "Refuse messages when so many wait."),
    Setting("sender_limit", "N", "Refuse messages of a peer of which so many wait."),
    Setting("restarts", "N", "Quarantine it after so many crashes within the restart window."),
    Setting("restart_window", "DURATION", "The window in which crashes are counted."),
    Setting("pool", "N", "Sessions kept beside the active one: ready for tasks, or warm per conversation."),
    Setting(
        "server",
        "ADDRESS",
        "codex-thread: unix:/PATH or ws://127.0.0.1:PORT of a server that runs; without,"
        " each session has one of its own.",
    ),
    Setting("thread", "ID", "codex-thread: which thread it is; without, one is begun there."),
    Setting(
        "away",
        "WHAT",
        "wake=never, while nobody runs it: keep mail, refuse it, or resume the conversation here for it.",
    ),
    Setting(
        "chain_limit",
        "N",
        "Refuse messages of agents when so many went between agents without a person's word; 0: never.",
    ),
    Setting("env", "KEY=VALUE", "A variable for its environment; repeat for more.", multiple=True),
    Setting("args", "ARG", "An argument for its program; repeat for more.", multiple=True),
)
"""All settings, in the order in which help and reference list them."""
