"""`hooks`: hooks for all sessions of an agent program, so that those that join are handed their mail."""

from roost.cli.app import App
from roost.cli.command import Argument, Choice, command
from roost.cli.output import one_line, remark, say, show_json
from roost.cli.own_environ import own_environ
from roost.client.connection import Record
from roost.errors import UsageError


@command(
    "hooks",
    Argument("action", required=False, kind=Choice(["show", "add", "remove"])),
    Argument("program", required=False, kind=Choice(["codex"])),
)
def hooks_command(app: App, action: "str | None", program: "str | None") -> None:
    """Show, add or remove roost's hooks in your Codex.

    `add codex` writes them beside your own into hooks.json of your CODEX_HOME. A Codex that starts later, in
    any terminal of yours, is handed its messages once it has run `roost join`; one that has not joined gets
    nothing and tells nothing. Codex asks you once whether to trust them. `remove codex` takes them out again,
    and the file is what it was. `show`, or no word: where they stand.
    """
    params: Record = {"environ": own_environ()}
    if action in (None, "show"):
        if program is not None:
            raise UsageError("name a program only to add or to remove its hooks")
        return _show(app, app.call("hooks", params))
    if program is None:
        raise UsageError(f"of which program? `roost hooks {action} codex`")
    row: Record = app.call(f"hooks_{action}", {**params, "program": program}, patience=None)
    if app.json:
        return show_json(row)
    path = one_line(row["path"])
    if action == "remove":
        return say(f"taken out of {path}" if row["changed"] else f"no hooks of roost stood in {path}")
    say(f"added to {path}" if row["changed"] else f"they stand in {path} already")
    if row["changed"]:
        remark(
            f"as it starts next, {program} asks once whether to trust them: 'Trust all and continue'; its"
            " peers that roost starts wait for that, too. A session that runs already has to start anew"
        )
    return None


def _show(app: App, rows: "list[Record]") -> None:
    if app.json:
        return show_json(rows)
    for row in rows:
        state = "added to" if row["added"] else "not added to"
        say(f"{row['program']}  {state} {one_line(row['path'])}")
    return None
