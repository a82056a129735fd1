"""`python -m roost.daemon.read_only [--home DIR] transcript|search PARAMETERS`, for when no daemon runs.

Reads what is on disk and changes nothing. PARAMETERS: a JSON object, as the methods of these names take.
Prints a JSON object on each line: `{"event": ...}`, at last `{"result": ...}` or `{"error": ...}`, as the
daemon's socket does.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from roost.daemon.serve.api.transcripts import check_range, end, head
from roost.daemon.serve.methods.conversations import Search as SearchParams
from roost.daemon.serve.methods.conversations import Transcript as TranscriptParams
from roost.daemon.session.contexts import Contexts
from roost.daemon.session.conversations import opened, session_of, unreadable
from roost.daemon.session.search import Search
from roost.errors import NotFoundError, RoostError, UsageError, in_words
from roost.host.inheritance import unplanted
from roost.local.config import load_config
from roost.local.paths import Places, find_places
from roost.runtimes.registry import Runtimes
from roost.runtimes.turns.transcript import turns
from roost.store.reader import Reader

Tell = Callable[[str, object], None]


class ReadOnly:
    """Answers from what is on disk."""

    def __init__(self, places: Places, tell: Tell) -> None:
        """Blocking: read the configuration, and which environment agents had. Raises ConfigError."""
        config = load_config(places.config)
        self._places = places
        self._tell = tell
        self._runtimes = Runtimes(config.runtimes)
        environ = unplanted(places.inheritance, os.environ).environ
        self._contexts = Contexts(places, self._runtimes, environ, config.passes, "")

    def transcript(self, asked: TranscriptParams) -> None:
        """Tell what was said."""
        check_range(asked.first, asked.last)
        reader = Reader(self._places.database)
        try:
            states = {state.peer.name: state for state in reader.peers(readable=True)}
            deaths = reader.deaths(asked.name, 1)
        finally:
            reader.close()
        state = states.get(asked.name)
        if state is None:
            raise NotFoundError(f"there is no peer '{asked.name}'; `roost list` shows all")
        session = session_of(state, asked.topic, deaths[-1].conversation if deaths else None)
        transcript = opened(self._contexts, self._runtimes, state, session, whole=asked.whole)
        try:
            self._tell("event", head(asked.name, state.peer.settings.runtime, session, transcript))
            for part in turns(transcript, asked.first, asked.last):
                for turn in part:
                    self._tell("event", {"kind": "turn", **turn.object()})
            self._tell("event", end(transcript))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unreadable(asked.name, error) from error
        finally:
            transcript.close()

    def search(self, asked: SearchParams) -> tuple[list[dict[str, Any]], list[str]]:
        """What is found."""
        wanted = asked.asked().checked(time.time())
        search = Search(
            self._places.database, self._places.search_index, self._contexts, self._runtimes, wanted
        )
        if wanted.peer is not None:
            reader = Reader(self._places.database)
            try:
                names = [state.peer.name for state in reader.peers(readable=True)]
            finally:
                reader.close()
            if wanted.peer not in names:
                raise NotFoundError(f"there is no peer '{wanted.peer}'; `roost list` shows all")
        return search.run(), search.notes


def main() -> int:
    """Answer; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m roost.daemon.read_only", description="Read what is on disk."
    )
    parser.add_argument("--home", help="use this folder instead of ROOST_HOME or the XDG folders")
    parser.add_argument("method", choices=("transcript", "search"))
    parser.add_argument("parameters")
    given = parser.parse_args()
    places = find_places(os.environ, given.home)
    try:
        answers = ReadOnly(places, _say)
        if given.method == "transcript":
            answers.transcript(_read(given.parameters, TranscriptParams))
            _say("result", None)
        else:
            found, notes = answers.search(_read(given.parameters, SearchParams))
            sys.stdout.write(json.dumps({"result": found, "notes": notes}) + "\n")
    except RoostError as error:
        _say("error", {"code": error.code, "message": error.message, "exit_code": error.exit_code})
    except BrokenPipeError:
        return 1
    except OSError as error:
        _say("error", {"code": "error", "message": in_words(error, places.home), "exit_code": 1})
    return 0


def _read(text: str, kind: type[Any]) -> Any:  # noqa: ANN401 -- of that kind
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise UsageError(f"the request is not understood: {error}") from error


def _say(what: str, value: object) -> None:
    sys.stdout.write(json.dumps({what: value}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
