"""Files that two peers write within half a minute: told once for each pair and burst, never of one alone."""

from msgspec.structs import replace

from roost.core.file_watches import written
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.watch import WINDOW, WRITES, Watch, Watched, Write

FILE = "/code/app/main.py"


class Play:
    """One watch; `words` is what it has told."""

    def __init__(self, subject: str = FILE, *, once: bool = False) -> None:
        self.watch = Watch("w", "boss", Watched.FILE, subject, 0.0, 1e6, once)
        self.words: list[str] = []
        self.ended = False

    def write(self, peer: str, at: float, path: str = FILE, now: float | None = None) -> int:
        """How many times it tells of this write."""
        made = written(self.watch, Write(peer, path, at), at if now is None else now)
        told = [each for each in made if isinstance(each, c.Notify)]
        assert all((each.to, each.notice.about) == ("boss", "w") for each in told)
        self.words += [each.notice.why for each in told]
        for each in made:
            if isinstance(each, c.SaveWatch):
                self.watch = each.watch
            self.ended = self.ended or isinstance(each, c.EndWatch)
        return len(told)


def test_both_are_named_with_their_times() -> None:
    play = Play()
    assert [play.write("a", 100.0), play.write("b", 118.0)] == [0, 1]
    assert play.words[0] == (
        "'a' wrote /code/app/main.py at 1970-01-01T00:01:40.000Z and 'b' at 1970-01-01T00:01:58.000Z,"
        " within 30 s of each other"
    )


def test_one_that_writes_alone_is_never_told_of() -> None:
    play = Play()
    assert sum(play.write("a", at) for at in range(100, 200, 3)) == 0


def test_a_burst_is_told_once_and_the_next_again() -> None:
    play = Play()
    told = [play.write("ab"[turn % 2], 100.0 + 10 * turn) for turn in range(12)]
    assert sum(told) == 1
    play.write("a", 300.0)
    assert play.write("b", 301.0) == 1


def test_each_pair_is_told_of() -> None:
    play = Play()
    assert [play.write(peer, 100.0) for peer in "abc"] == [0, 1, 2]


def test_two_that_write_apart_have_not_met() -> None:
    play = Play()
    play.write("a", 100.0)
    assert play.write("b", 100.0 + WINDOW + 0.1) == 0
    assert play.write("b", 100.0, "/code/app/other.py") == 0


def test_what_is_heard_of_late_is_nothing_to_warn_of() -> None:
    play = Play()
    play.write("a", 100.0)
    assert play.write("b", 101.0, now=101.0 + WINDOW + 1) == 0


def test_a_write_before_the_watch_is_none_of_it() -> None:
    play = Play()
    play.watch = replace(play.watch, created_at=100.0)
    assert [play.write("a", 99.0, now=101.0), play.write("b", 101.0)] == [0, 0]


def test_what_a_new_daemon_hears_of_again_is_told_once() -> None:
    play = Play()
    heard = [("a", 100.0), ("b", 101.0), ("a", 100.0), ("b", 101.0)]
    assert sum(play.write(peer, at, now=110.0) for peer, at in heard) == 1


def test_a_pattern_stands_for_any_text_and_a_path_for_itself() -> None:
    for subject, path, told in (
        ("/code/app/*", "/code/app/a/b.py", 1),
        ("/code/app/*.py", "/code/app/a.rs", 0),
        ("/code/app/[id]/page.tsx", "/code/app/[id]/page.tsx", 1),
        ("/code/app", "/code/app/a", 0),
    ):
        play = Play(subject)
        play.write("a", 100.0, path)
        assert play.write("b", 101.0, path) == told, subject


def test_once_ends_with_what_it_tells_first() -> None:
    play = Play(once=True)
    play.write("a", 100.0)
    assert play.write("b", 101.0) == 1
    assert play.ended


def test_what_a_watch_remembers_is_bounded() -> None:
    play = Play("/code/*")
    for number in range(WRITES + 50):
        play.write("a", 100.0, f"/code/{number}")
        play.write("b", 100.0, f"/code/{number}")
    assert len(play.watch.wrote) == WRITES
    assert len(play.watch.pairs) <= WRITES
