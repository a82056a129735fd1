"""`questions`, `answer`, `deny`: what agents ask a person, and what they are told."""

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.output import age, harmless, local, one_line, paint, remark, say, show_json, wrap
from roost.client.connection import Record

_MESSAGE = Option("--message", metavar="TEXT", help="Words for the agent, where its program takes them.")


@command("questions", Option("--all", "everywhere", help="Those of all hosts of the fleet that grant it."))
def questions_command(app: App, everywhere: bool) -> None:  # noqa: FBT001 -- a flag
    """Show what agents ask a person: permissions above all, the eldest first.

    Nothing answers them but you, in the agent's own program, or with `roost answer` and `roost deny`.
    """
    questions: list[Record] = app.call("questions", {"all": True} if everywhere else None)
    if app.json:
        show_json(questions)
    elif not questions:
        say("no questions")
    for number, question in enumerate(() if app.json else questions):
        if number:
            say()
        _show(question)


def _show(question: Record) -> None:
    asked = f"{question['id']}  {question['peer']} asks, for {age(question.get('since'))}"
    say(paint(f"{asked}{_given(question)}", "bold"))
    for line in harmless(str(question["text"])).splitlines() or [""]:
        say(wrap(f"  {local(line)}", 4))
    options: list[Record] = question["options"]
    if not options:
        say(wrap(f"  It takes more than a choice: `roost attach {question['peer']}` joins it.", 2))
    width = max((len(one_line(option["id"])) for option in options), default=0)
    for option in options:
        say(wrap(f"    {one_line(option['id']):<{width}}  {one_line(option['label'])}", 6 + width))
    if question.get("why"):
        say(wrap(f"  ({local(one_line(question['why']))})", 3))


def _given(question: Record) -> str:
    return f" (being answered by {one_line(question['by'])})" if question["state"] == "answering" else ""


@command("answer", Argument("id"), Argument("option"), _MESSAGE)
def answer_command(app: App, id: str, option: str, message: str | None) -> None:  # noqa: A002 -- as in the help
    """Answer a question of an agent by one of its options.

    The first digits of its ID are enough, from four on; OPTION is one that `roost questions` lists, by its
    name, its words, or its number. Returns once the agent's program has the answer. A question that has
    changed, was answered or is gone is not answered, and that is said.
    """
    _told(app, app.call("answer", {"id": id, "option": option, "message": message or ""}, patience=None))


@command("deny", Argument("id"), _MESSAGE)
def deny_command(app: App, id: str, message: str | None) -> None:  # noqa: A002 -- as in the help
    """Deny what a question of an agent asks for, this once."""
    _told(app, app.call("deny", {"id": id, "message": message or ""}, patience=None))


def _told(app: App, question: Record) -> None:
    if app.json:
        show_json(question)
        return
    options: list[Record] = question["options"]
    label = next((each["label"] for each in options if each["id"] == question["answer"]), question["answer"])
    remark(f"{question['peer']} was answered: {one_line(label)}")
