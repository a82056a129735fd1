"""`search`: where words stand, in messages, in events and in what was said."""

from roost.cli.app import App
from roost.cli.command import Argument, Choice, Number, Option, command
from roost.cli.commands.message import SHORT_ID, STATES
from roost.cli.output import clock, local, one_line, paint, remark, say, show_json, wrap
from roost.cli.read_only import ask
from roost.cli.sentences import sentence
from roost.client.connection import Record
from roost.core.vocabulary.durations import parse_duration

PLACES = ("messages", "transcripts", "events")


@command(
    "search",
    Argument("text", many=True),
    Option(
        "--in", "places", kind=Choice(PLACES), multiple=True, help="Where; messages and events, if not said."
    ),
    Option("--peer", metavar="NAME", help="Only what is from, to or of this peer."),
    Option("--from", "sender", metavar="NAME", help="Only messages of this sender."),
    Option("--to", metavar="NAME", help="Only messages to this peer."),
    Option("--topic", metavar="TEXT", help="Only messages of this topic."),
    Option("--state", kind=Choice(STATES), help="Only messages in this state."),
    Option("--since", metavar="DURATION", kind=parse_duration, help="Only what is of the last 10m, 2h ..."),
    Option("--limit", kind=Number(1), default=20, help="The latest so many."),
)
def search_command(  # noqa: PLR0913, PLR0917 -- one for each option
    app: App,
    text: tuple[str, ...],
    places: tuple[str, ...],
    peer: str | None,
    sender: str | None,
    to: str | None,
    topic: str | None,
    state: str | None,
    since: float | None,
    limit: int,
) -> None:
    """Find where all these words stand, the newest first.

    A word is found whole, whatever its case and accents; `deploy*` finds what begins so, `"two words"` what
    stands together, and AND, OR, NOT and brackets work as in SQLite's FTS5. What is no such expression is
    taken for plain words. `--in transcripts` searches what agents and their models said, in their programs'
    own records, and may take some seconds.
    """
    params: Record = {"text": " ".join(text), "in": list(places), "peer": peer, "from": sender, "to": to}
    params |= {"topic": topic, "state": state, "since": since, "limit": limit}
    found: list[Record] = ask(app, "search", params)
    if app.json:
        show_json(found)
        return
    for each in found:
        _show(each)
    if not found:
        here = places or ("messages",) if sender or to or topic or state else places or PLACES[::2]
        more = "" if "transcripts" in here else "; `--in transcripts` searches what agents said"
        remark(f"nothing found in {' and '.join(here)}{more}")


def _show(found: Record) -> None:
    when = clock(found.get("at")) or "at some time"
    if found["in"] == "messages":
        topic = f", topic {one_line(found['topic'])}" if found.get("topic") else ""
        identity = str(found["id"])[:SHORT_ID]
        who = f"message {identity} from {found['from']} to {found['to']}, {found['state']}{topic}"
    elif found["in"] == "transcripts":
        who = f"{found['peer']}, turn {found['number']} ({found['role']}) of {found['conversation']}"
    else:
        who = f"{found['peer'] or '-'}, event {found['seq']}"
    say(paint(wrap(f"{when}  {one_line(who)}", 2), "bold"))
    if found["in"] == "events":
        say(wrap(f"  {local(sentence(found))}", 2, 0))
    else:
        say(wrap(f"  {_marked(str(found['snippet']), found.get('marks') or [])}", 2))


def _marked(text: str, marks: list[list[int]]) -> str:
    """The snippet, what was found in it in another colour where there are colours."""
    shown, last = "", 0
    for begin, end in marks:
        shown += one_line_part(text[last:begin]) + paint(one_line_part(text[begin:end]), "yellow")
        last = end
    return shown + one_line_part(text[last:])


def one_line_part(text: str) -> str:
    """A part of a line, harmless, with the blanks at its ends."""
    words = one_line(text)
    before, after = text[:1].isspace(), text[-1:].isspace()
    return f"{' ' if before else ''}{words}{' ' if after and words else ''}"
