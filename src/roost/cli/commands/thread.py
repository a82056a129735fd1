"""`thread`: who takes part in a thread and what was said in it; leaving it."""

from roost.cli.app import App
from roost.cli.command import Argument, Number, Option, command
from roost.cli.commands.message import show_in_order
from roost.cli.output import one_line, remark, say, show_json
from roost.client.connection import Record
from roost.errors import UsageError


@command(
    "thread",
    Argument("thread"),
    Argument("member", required=False),
    Option("--leave", help="Take MEMBER out: you, if nobody is named."),
    Option("--limit", kind=Number(1), default=50, help="The latest so many messages."),
)
def thread_command(
    app: App,
    thread: str,
    member: str | None,
    leave: bool,  # noqa: FBT001 -- a flag
    limit: int,
) -> None:
    """Show who takes part in a thread and its messages, from old to new.

    A thread is a topic with its members: all who have written or were written to under it and have not
    left. `roost send --thread THREAD "text"` reaches them. Who has left is in it again by writing into it
    or by being named as a recipient in it.
    """
    if member is not None and not leave:
        raise UsageError("name a member only with --leave")
    if leave:
        left: Record = app.call("leave_thread", {"thread": thread, "name": member or app.sender})
        if app.json:
            show_json(left)
        else:
            remark(f"'{one_line(left['left'])}' has left the thread '{one_line(thread)}'")
        return
    found: Record = app.call("thread", {"thread": thread, "limit": limit})
    if app.json:
        show_json(found)
        return
    say(f"members  {', '.join(map(one_line, found['members'])) or 'nobody any more'}")
    say()
    show_in_order(found["messages"])
