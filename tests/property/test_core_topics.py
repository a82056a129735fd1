"""Whatever a person does with conversations at the terminal: no topic is lost that one of them knows (P3)."""

from hypothesis import given
from hypothesis import strategies as st

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.session import SessionState
from tests.support.playbook import Play

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from("abc")),
        st.tuples(st.sampled_from(["clear", "clear, shown late", "clear, never shown", "copy"]), st.just("")),
        st.tuples(st.just("return"), st.integers(0, 3)),
    ),
    max_size=12,
)


class Person:
    """One session, and what each of its conversations really holds."""

    def __init__(self) -> None:
        """It begins with one that holds nothing."""
        self.play = Play()
        self.play.submit(1)
        self.play.ready()
        self.play.taken(1)
        self.play.ended()
        self.current = str(self.play.session.conversation)
        self.held: dict[str, set[str]] = {self.current: set()}
        self.doubted: set[str] = set()
        self.unseen: list[tuple[str, float | None]] = []
        self.number = 1

    def act(self, what: str, more: object) -> None:
        """Do one thing; `seen` tells of it."""
        self.play.now += 1.0
        match what:
            case "say":
                self.number += 1
                self.play.submit(self.number, topic=str(more))
                self.play.taken(self.number)
                self.held[self.current].add(str(more))
            case "return":
                self.current = list(self.held)[int(str(more)) % len(self.held)]
                self.unseen.append((self.current, None))
            case _:
                begun, before = f"c{len(self.held)}", self.held[self.current]
                self.held[begun] = set(before) if what == "copy" else set()
                self.unseen += [(begun, self.play.now if what == "clear" else None)]
                self.unseen += [(begun, self.play.now)] if what == "clear, shown late" else []
                if what == "clear, never shown" or (what == "copy" and self.current in self.doubted):
                    self.doubted.add(begun)
                self.current = begun
        self.play.now += 1.0

    def seen(self) -> None:
        """The daemon looks, and sees what was done; then the running turn ends."""
        for conversation, anew in self.unseen:
            session = self.play.session
            self.play.tell(f.Observed(session.id, SessionState.IDLE, "seen", conversation, anew=anew))
        self.unseen.clear()
        if self.play.state.turn:
            self.play.ended()

    def check(self) -> None:
        """What the running conversation holds is known of it, and nothing else where that was shown."""
        known = set(self.play.state.peer.topics)
        assert self.held[self.current] <= known
        if self.current not in self.doubted:
            assert known == self.held[self.current]


@given(ACTS)
def test_P3_a_conversation_knows_the_topics_that_it_holds(acts: list[tuple[str, object]]) -> None:
    person = Person()
    for what, more in acts:
        person.act(what, more)
        person.seen()
        person.check()


@given(ACTS, st.lists(st.sampled_from("ab"), max_size=2))
def test_P3_whether_the_message_or_the_conversation_is_seen_first(
    acts: list[tuple[str, object]], then: list[str]
) -> None:
    """What was taken by a new conversation before that was seen is not lost."""
    person = Person()
    for what, more in acts:
        person.act(what, more)
        person.seen()
    for what in ("clear", "clear, shown late"):
        person.act(what, "")
        for topic in then:
            person.act("say", topic)
            person.play.ended()
        person.seen()
        person.check()
