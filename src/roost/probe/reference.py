"""The page of runtimes, made from the code: `python -m roost.probe.reference [--check]`."""

import sys

from roost.cli import reference
from roost.probe.capabilities import Answer, Capability, Row, rows

PAGE = "runtimes.md"
_MODULE = "roost.probe.reference"
_HEAD = f"""<!-- Made from the code by `python -m {_MODULE}`; change the code instead. -->

# Runtimes

What roost can do with each runtime that comes with it. Each cell is held by tests, which
`tests/support/capability_tests.py` names. "From documentation" is what its table says: nobody has seen that
program run. For a program of your own its table decides ([how](../how-to/own-runtime.md)). A `human` is a
mailbox: it has no program, and nothing of this.
"""
_MEANINGS = {
    Capability.RESUME: "a session that ended goes on with its conversation",
    Capability.STEER: "a message for `now` is given during a turn; elsewhere it waits for the end of that",
    Capability.EXACT_END: (
        "record or API name the end of a turn; elsewhere its screen or an answer of it stands for that"
    ),
    Capability.PERMISSION: (
        "an answer goes by the program's own API, be it a hook that waits for it; elsewhere by a key"
        " in its terminal"
    ),
    Capability.COMPACT: "`roost compact` has the conversation compacted",
    Capability.FORK: "roost begins a copy of a conversation; a person may, in the program's own way",
    Capability.JOIN: "a conversation that somebody else's server has loaded becomes a peer, as it is",
}


def page() -> str:
    """The page."""
    found = rows()
    lines = [
        _HEAD,
        _line(["runtime", *Capability, "how far it is proven"]),
        "|---" * (len(Capability) + 2) + "|",
    ]
    notes: list[str] = []
    for row in found:
        cells = [_cell(row, capability, notes) for capability in Capability]
        lines.append(_line([f"`{row.runtime}`", *cells, row.proven]))
    lines += ["", *notes, "", "| column | meaning |", "|---|---|"]
    lines += [_line([capability, _MEANINGS[capability]]) for capability in Capability]
    lines += [
        "",
        f'"{Answer.AGENT.capitalize()}": over ACP a program says what it can when its session is opened.',
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: Row, capability: Capability, notes: list[str]) -> str:
    """An answer, with the number of its note behind it."""
    answer, note = row.answers[capability], row.notes.get(capability)
    if note is None:
        return answer
    notes.append(f"{len(notes) + 1}. `{row.runtime}`, {capability}: {note}.")
    return f"{answer} ({len(notes)})"


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` compare it; returns 1 when it differs."""
    return reference.keep({PAGE: page()}, [], arguments, _MODULE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
