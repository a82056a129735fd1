"""What a command is: its words, its options, its function. Help, errors and both readers are made from it."""

from __future__ import annotations

from roost.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from roost.cli.app import App

    Run = Callable[..., int | None]
    Kind = Callable[[str], Any]
    """Makes the value of a text; raises ValueError or RoostError when it is none."""


class Choice:
    """One of these words."""

    def __init__(self, words: Sequence[str]) -> None:
        """In the order in which help lists them."""
        self.words = tuple(words)

    def __call__(self, text: str) -> str:
        """The word itself. Raises ValueError."""
        if text not in self.words:
            raise ValueError(text)
        return text


MOST = 2**63 - 1
"""The greatest number that the store can count to."""


class Number:
    """A whole number from `least` to MOST."""

    def __init__(self, least: int) -> None:
        """With the least that means something."""
        self.least = least

    def __call__(self, text: str) -> int:
        """The number. Raises ValueError."""
        number = int(text)
        if not self.least <= number <= MOST:
            raise ValueError(text)
        return number


class Argument:
    """A word by its place, or all words that are left (`many`)."""

    def __init__(
        self,
        name: str,
        *,
        required: bool = True,
        many: bool = False,
        metavar: str | None = None,
        kind: Kind = str,
    ) -> None:
        """`metavar`: how help shows it, by default its name in capitals."""
        self.name = name
        self.required = required
        self.many = many
        self.metavar = metavar
        self.kind = kind


class Option:
    """A flag, or with a `metavar` or a `kind` an option that takes a value."""

    def __init__(
        self,
        flag: str,
        name: str | None = None,
        *,
        help: str,  # noqa: A002 -- what it is
        metavar: str | None = None,
        kind: Kind | None = None,
        default: object = None,
        multiple: bool = False,
        required: bool = False,
    ) -> None:
        """`name`: the function's parameter, by default the flag's own; `default` is shown unless None."""
        self.flag = flag
        self.name = name or flag.removeprefix("--").replace("-", "_")
        self.help = help
        self.metavar = metavar
        self.takes_value = metavar is not None or kind is not None
        self.kind: Kind = kind or str
        self.default = default
        self.multiple = multiple
        self.required = required

    @property
    def absent(self) -> object:
        """The value when it was not given."""
        return () if self.multiple else self.default if self.takes_value else False


HOME = Option(
    "--home", metavar="DIR", help="Where roost keeps everything (else ROOST_HOME, else the XDG folders)."
)
DEBUG = Option("--debug", help="Show tracebacks.")
GLOBAL = (Option("--json", help="Print JSON (where the output is data)."), HOME, DEBUG)
"""Taken before the command's name; what they say is an attribute of App."""
JSON = Option("--json", help="Print JSON.")


class Command:
    """One command."""

    def __init__(self, name: str, run: Run, parameters: Sequence[Argument | Option], *, data: bool) -> None:
        """`data`: its output is data, so it takes `--json`; `run` gets App and the parameters by name."""
        self.name = name
        self._run = run
        self._data = data
        self.arguments = [each for each in parameters if isinstance(each, Argument)]
        self.options = [each for each in parameters if isinstance(each, Option)]
        self.of_all = (JSON, HOME, DEBUG) if data else (HOME, DEBUG)

    def run(self, app: App, **values: Any) -> int | None:  # noqa: ANN401 -- the parameters, by name
        """Run it. Raises UsageError when JSON is asked for that it does not print."""
        if app.json and not self._data:
            raise UsageError(f"`roost {self.name}` prints no JSON; leave --json out")
        return self._run(app, **values)

    @property
    def help(self) -> str | None:
        """What it does."""
        return self._run.__doc__


def command(name: str, *parameters: Argument | Option, data: bool = True) -> Callable[[Run], Command]:
    """Makes a command of the function below; its docstring is the help."""
    return lambda run: Command(name, run, parameters, data=data)
