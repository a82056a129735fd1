"""What watchers are told, by the transitions of a peer: each thing once, of what happens from then on."""

from msgspec.structs import replace

from roost.core import watching
from roost.core.decide import decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import Notice
from roost.core.vocabulary.session import Cause, SessionState
from roost.core.vocabulary.watch import TELLS, Watch, Watched
from roost.daemon.state.clock_reading import ClockReading
from roost.daemon.state.watches import Watches
from tests.support.playbook import Play

WATCHER = "boss"
HERE = ClockReading(0.0, 0.0, 0.0)


def a_watch(kind: Watched, subject: str = "p", *, once: bool = False, watcher: str = WATCHER) -> Watch:
    return Watch(f"{kind}-{subject}", watcher, kind, subject, 100.0, 1e6, once)


class Watching(Play):
    """One peer with its watches; `told` are all notices of them, `words` their sentences."""

    def __init__(self, *kinds: Watched, once: bool = False) -> None:
        super().__init__()
        self.watches = Watches(HERE)
        self.notified: list[c.Notify] = []
        self.busy()
        for kind in kinds:
            self.tell(r.WatchPeer(a_watch(kind, once=once)))

    @property
    def words(self) -> list[str]:
        return [each.notice.why for each in self.notified]

    def tell(self, *events: Event, after: float = 0.0) -> list[str]:
        self.now += after
        for event in events:
            before = self.state
            state, commands = decide(before, event, self.now, self.policy)
            commands = self.watches.sight(HERE).news(before, state, commands, self.now)
            self.watches.committed(commands)
            self.gone, self.state = state is None, state or before
            self.notified += [each for each in commands if isinstance(each, c.Notify) and each.notice.watch]
            self.commands = commands
        return []

    def rest(self) -> None:
        self.ended()
        self.tell(self.seen(SessionState.IDLE))

    def look(self, state: SessionState, why: str = "seen", after: float = 1.0) -> None:
        self.tell(f.Observed(self.session.id, state, why), after=after)


def test_who_watches_for_an_end_is_told_of_each_with_its_cause() -> None:
    play = Watching(Watched.ENDED)
    play.died()
    assert play.words == ["'p' crashed (exit code 1)"]
    assert play.notified[0].to == WATCHER
    assert play.notified[0].notice.outcome == "ended"
    play.tell(f.Tick(), after=60)
    play.died(Cause.BOOT_FAILED)
    assert len({each.id for each in play.notified}) == 2


def test_once_ends_with_what_it_tells_first() -> None:
    play = Watching(Watched.ENDED, once=True)
    play.died()
    assert play.watches.all() == []
    play.tell(f.Tick(), after=60)
    play.died(Cause.BOOT_FAILED)
    assert len(play.words) == 1


def test_idle_is_the_end_of_all_work_and_not_the_time_between_two_messages() -> None:
    play = Watching(Watched.IDLE)
    play.submit(2)
    play.rest()
    assert play.words == []
    play.taken(2)
    play.rest()
    assert play.words == ["'p' is idle"]


def test_idle_is_told_again_only_after_more_work() -> None:
    play = Watching(Watched.IDLE)
    play.rest()
    play.look(SessionState.UNKNOWN)
    play.look(SessionState.IDLE)
    assert len(play.words) == 1
    play.look(SessionState.WORKING)
    play.look(SessionState.IDLE)
    assert len(play.words) == 2


def test_blocked_is_told_with_its_reason_each_time_anew() -> None:
    play = Watching(Watched.BLOCKED)
    play.look(SessionState.BLOCKED, "asks whether it may")
    play.look(SessionState.BLOCKED, "asks whether it may write")
    play.look(SessionState.UNKNOWN)
    play.look(SessionState.BLOCKED, "asks whether it may write")
    assert play.words == ["'p' is blocked: asks whether it may"]
    play.look(SessionState.WORKING)
    play.look(SessionState.BLOCKED, "asks again")
    assert play.words[1:] == ["'p' is blocked: asks again"]


def test_what_is_so_already_is_told_at_once_and_what_was_so_before_is_not() -> None:
    play = Watching()
    play.look(SessionState.BLOCKED, "asks")
    play.tell(r.WatchPeer(a_watch(Watched.BLOCKED)))
    play.tell(r.WatchPeer(a_watch(Watched.IDLE)))
    assert play.words == ["'p' is blocked: asks"]
    play.died()
    play.tell(r.Stop("op"))
    play.tell(r.WatchPeer(a_watch(Watched.ENDED, once=True)))
    assert play.words[1:] == ["'p' has no session; the last one crashed: exit code 1"]
    assert [each.kind for each in play.watches.all()] == [Watched.BLOCKED, Watched.IDLE]


def test_a_removed_peer_ends_its_watches_with_a_word() -> None:
    play = Watching(Watched.IDLE, Watched.ENDED)
    play.tell(r.Remove("op", force=True))
    play.died()
    assert play.gone
    assert [each.notice.outcome for each in play.notified] == ["removed", "ended", "removed"]
    assert play.watches.all() == []


def test_watches_of_a_removed_watcher_go_and_names_follow_a_rename() -> None:
    watches = Watches(HERE)
    stored = [a_watch(Watched.IDLE), a_watch(Watched.TOPIC), a_watch(Watched.ENDED, "x", watcher="p")]
    watches.load(stored, HERE)
    watches.committed([c.Rename("p", "q", 1.0)])
    found = [(each.kind, each.subject, each.watcher) for each in watches.all()]
    assert found == [("ended", "x", "q"), ("idle", "q", WATCHER), ("topic", "p", WATCHER)]
    watches.committed([c.Purge(WATCHER)])
    assert [each.watcher for each in watches.all()] == ["q"]


def test_a_topic_is_told_of_once_for_each_message_of_others() -> None:
    play = Watching()
    topics = [a_watch(Watched.TOPIC, "deploy")]
    topics += [replace(topics[0], id=name, watcher=name) for name in ("p", "asker")]
    play.watches.load(topics, HERE)
    play.submit(2, topic="deploy")
    play.submit(2, topic="deploy")
    play.submit(3, topic="other")
    play.submit(4, topic="deploy", sender="roost", notice=Notice("x", "done", "why"))
    assert play.words == [f"'asker' wrote to 'p' on topic 'deploy' (message {2:032x})"]
    assert play.notified[0].to == WATCHER
    play.rest()
    play.taken(2)
    play.rest()
    play.taken(3)
    play.rest()
    assert len(play.words) == 1
    play.submit(5, topic="deploy")
    assert len(play.words) == 2, "offered by the transition that it came with"


def test_two_that_watch_each_other_come_to_rest() -> None:
    """A turn on nothing but what watches have told is no work that others are told the end of."""
    play = Watching(Watched.IDLE)
    play.rest()
    told = Notice("w", "idle", "'q' is idle", watch=True)
    play.submit(2, sender="roost", notice=told)
    play.taken(2)
    play.look(SessionState.WORKING)
    play.rest()
    assert len(play.words) == 1
    play.submit(3, sender="roost", notice=told)
    play.taken(3)
    play.submit(4)
    play.rest()
    play.taken(4)
    play.rest()
    assert len(play.words) == 2
    play.submit(5, sender="roost", notice=told)
    play.taken(5)
    play.rest()
    play.look(SessionState.WORKING)  # a person types
    play.look(SessionState.IDLE)
    assert len(play.words) == 3


def test_a_watch_that_tells_without_end_ends() -> None:
    play = Watching(Watched.BLOCKED)
    for _ in range(TELLS + 1):
        play.look(SessionState.WORKING)
        play.look(SessionState.BLOCKED, "asks")
    assert len(play.words) == TELLS
    assert play.words[-1].endswith(f"told {TELLS} times, which is the most, and has ended")
    assert play.watches.all() == []


def test_a_watch_whose_time_is_over_tells_nothing_more_and_says_so_where_it_told_nothing() -> None:
    play = Watching(Watched.IDLE)
    play.watches.load([replace(a_watch(Watched.IDLE), expires_at=play.now)], HERE)
    play.rest()
    assert play.words == []
    silent, spoke = (
        watching.expire(a_watch(Watched.IDLE)),
        watching.expire(replace(a_watch(Watched.IDLE), told=1)),
    )
    assert [type(each) for each in silent] == [c.Notify, c.EndWatch]
    assert [type(each) for each in spoke] == [c.EndWatch]


def test_a_mailbox_and_a_peer_that_goes_are_not_watched() -> None:
    play = Play(runtime="human")
    assert play.tell(r.WatchPeer(a_watch(Watched.IDLE))) == ["Refuse RefusedError"]
    play = Play()
    play.busy()
    play.tell(r.Remove("op", force=True))
    assert play.tell(r.WatchPeer(a_watch(Watched.IDLE))) == ["Refuse RefusedError"]


def test_a_round_sees_what_it_has_decided_and_the_store_what_is_committed() -> None:
    """Two facts of one round: the watch that tells once tells once; nothing is changed before the commit."""
    play = Watching(Watched.ENDED, once=True)
    sight, told = play.watches.sight(HERE), []
    for _ in range(2):
        after, commands = decide(play.state, f.Died(_death(play)), play.now, play.policy)
        made = sight.news(play.state, after, commands, play.now)
        told += [each for each in made if isinstance(each, c.Notify) and each.notice.watch]
    assert len(told) == 1
    assert len(play.watches.all()) == 1


def _death(play: Play) -> f.Death:
    return f.Death(play.session.id, "p", play.session.generation, play.now, Cause.CRASHED, 1)
