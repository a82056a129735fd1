"""`notify`: the rules by which people are told of what happens, and a sample of each."""

from roost.cli.app import App
from roost.cli.command import Argument, Choice, command
from roost.cli.output import counted, local, one_line, paint, say, show_json
from roost.client.connection import Record


@command(
    "notify",
    Argument("action", required=False, kind=Choice(["show", "test"])),
    Argument("rule", required=False),
)
def notify_command(app: App, action: str | None, rule: str | None) -> int:
    """Show the rules by which people are told, or try them.

    They stand in [[notify]] of config.toml. `test` sends a sample by one rule, or by all, at once and without
    a second try, and prints what became of it. Exit code 1: a sample did not arrive. `show`, or no word:
    where each rule leads, since when it fails, and why.
    """
    if action == "test":
        return _test(app, rule)
    rules: list[Record] = app.call("notify_rules")
    chosen = [one for one in rules if rule in (None, one["rule"])]
    if app.json:
        show_json(chosen)
    elif not chosen:
        say("no rules; [[notify]] in config.toml makes one")
    for one in () if app.json else chosen:
        _show(one)
    return 0


def _show(one: Record) -> None:
    about = f" of {', '.join(one['peers'])}" if one["peers"] else ""
    facts = f"{one_line(one['target'])}  {', '.join(one['on'])}{one_line(about)}"
    say(f"{paint(one_line(one['rule']), 'bold')}  {facts}")
    if one["error"]:
        say(f"  fails since {local(one['failing_since'])}: {local(one_line(one['error']))}")
    waiting = f"; {counted(one['waiting'], 'happening')} to tell" if one["waiting"] else ""
    told = f"{one['sent']} sent, {one['failed']} failed tries, {one['given_up']} given up"
    say(f"  since the daemon began: {told}{waiting}")


def _test(app: App, rule: str | None) -> int:
    done: list[Record] = app.call("notify_test", {"rule": rule}, patience=None)
    if app.json:
        show_json(done)
    elif not done:
        say("no rules; [[notify]] in config.toml makes one")
    for one in () if app.json else done:
        name = f"{one_line(one['rule'])} ({one_line(one['target'])})"
        if one["delivered"]:
            say(f"{name}: delivered in {one['took']} s, as {one['id']}")
        else:
            say(f"{name}: not delivered: {local(one_line(one['error']))}")
    return 0 if all(one["delivered"] for one in done) else 1
