"""`done` and `fresh`: an agent speaks of itself."""

from roost.cli.app import App
from roost.cli.command import Argument, command
from roost.cli.output import remark, say
from roost.errors import UsageError


@command("done", Argument("summary", many=True, required=False), data=False)
def done_command(app: App, summary: tuple[str, ...]) -> None:
    """Say, from inside a session, that its task is done.

    The session ends when its turn is over; an ephemeral one as after a reply.
    """
    if app.token is None:
        raise UsageError("`done` works inside an agent's session only: ROOST_TOKEN is not set")
    app.call("done", {"summary": " ".join(summary) or None})
    say("noted; the session ends when its turn is over")


@command("fresh", data=False)
def fresh_command(app: App) -> None:
    """Ask, from inside a session, for a fresh session of oneself.

    The session ends when its turn is over, and the next one begins a new conversation: at once when messages
    wait or wake=always, else with the next message.
    """
    if app.token is None:
        raise UsageError(
            "`fresh` works inside an agent's session only: ROOST_TOKEN is not set;"
            " `roost restart NAME` or `roost refresh NAME` do it from outside"
        )
    app.call("fresh")
    remark("noted; the session ends when its turn is over, and the next one begins a new conversation")
