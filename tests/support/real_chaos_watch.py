"""Looks at everything once a second and compares what roost says with what is really open at that moment.

A finding must hold in every look for some seconds: a state that was just about to change is no lie.
"""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from roost.client.connection import Client
from roost.errors import RoostError
from tests.support.daemon import alive
from tests.support.real_chaos_acts import RealActs, Work
from tests.support.real_chaos_fleet import PEERS
from tests.support.real_chaos_screen import Scene, look

Row = dict[str, Any]
PATIENT = 6.0
"""Seconds for which something must hold before it is false."""
WORDLESS = 15.0
"""Seconds for which a message may wait without a word."""
UNASKED = 12.0
"""Seconds within which the model must have been asked with a message that was taken."""
TASK = 30.0
"""Seconds for which the next task of an ephemeral peer may wait for the silence of the one before it."""
GAP = 3.0
"""Seconds between two looks above which nothing can be said of the time between them."""
_LATER = re.compile(r"again at|woken again|asked again|\buntil\b|tried again")
_WORDLESS = re.compile(r"^(?:|being handed over.*|queued|waits?)$")
_SAYS_NOTHING = ("", "at its prompt")
_CLAIMS = {
    "draft": re.compile(r"\bdraft\b"),
    "dialog": re.compile(r"\bdialog\b|asks for a decision|a question"),
    "view": re.compile(r"another view|view is open"),
    "size": re.compile(r"\bcolumns?\b|\brows? (?:high|tall)|\d+x\d+"),
    "mode": re.compile(r"copy[ -]mode|tmux's|scroll"),
    "person": re.compile(r"is typing"),
    "background": re.compile(r"in the background"),
    "turn": re.compile(r"running turn|shows a turn|waits for the turn"),
}
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """One peer in one look."""

    peer: str
    row: Row
    mail: list[Row]
    scene: Scene | None
    standing: list[str]
    touched: float
    """Seconds since a person last pressed a key there."""
    flights: int
    """Requests of its turns that the model is answering."""
    working: bool
    """Something that it was asked to run in the background runs."""

    @property
    def at_rest(self) -> bool:
        return self.flights == 0 and not self.working and not (self.scene and self.scene.busy)

    def true(self, claim: str) -> bool:
        """Whether something is open that makes the claim true, or nothing can be said."""
        scene = self.scene
        if scene is None:
            return True
        if claim == "draft":
            return bool(scene.draft) or "a draft" in self.standing or "an edit" in self.standing
        return {
            "dialog": scene.asks or not scene.prompt,
            "view": not scene.prompt or any(each.startswith("the view") for each in self.standing),
            "size": scene.small,
            "mode": scene.in_mode,
            "person": self.touched < 2 * PATIENT,
            "background": self.working or "background" in scene.text,
            "turn": not self.at_rest or not scene.prompt,
        }[claim]


@dataclass(slots=True)
class Watch:
    """`told` gets every violation once, with the screen and what was done lately."""

    acts: RealActs
    told: Callable[[str], None]
    looks: int = 0
    last_work: dict[str, float] = field(default_factory=dict[str, float])
    """When each work in the background was last seen alive (Unix seconds)."""
    words: dict[str, int] = field(default_factory=dict[str, int])
    """Reasons that were seen with waiting mail, and how often."""
    _since: dict[Key, float] = field(default_factory=dict[Key, float])
    _said: set[Key] = field(default_factory=set[Key])
    _over: threading.Event = field(default_factory=threading.Event)
    _last: float = 0.0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look every second, in a thread."""
        thread = threading.Thread(target=self._run, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(30)

    def _run(self) -> None:
        while not self._over.wait(1.0):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 -- a watcher that fell asleep would find nothing
                self.told(f"the watcher failed: {type(error).__name__}: {error}")

    def look(self) -> None:
        """One look at everything."""
        began = time.monotonic()
        sights = self._sights()
        now = time.monotonic()
        if sights is None or now - began > GAP or now - self._last > GAP + 1:
            self._since.clear()
        self._last = now
        if sights is None:
            return
        self.looks += 1
        suspected = {
            key: (bound, words, sight) for sight in sights for key, bound, words in suspicions(sight)
        }
        suspected |= self._unasked(sights)
        self._since = {key: self._since.get(key, began) for key in suspected}
        for key, (bound, words, sight) in suspected.items():
            if now - self._since[key] >= bound and key not in self._said:
                self._said.add(key)
                self.told(self._sentence(key, words, sight))

    def _sights(self) -> list[Sight] | None:
        rows = self._call("list")
        mail: list[Row] = []
        for state in ("queued", "offered", "accepted"):
            found = self._call("messages", state=state) if rows is not None else None
            if found is None:
                return None
            mail += found
        journal = self.acts.fleet.model.journal
        turns = [each for each in journal.all() if each.kind == "turn" and not journal.ended(each.number)]
        working = {work.peer for work in self.acts.works if self._alive(work)}
        sights: list[Sight] = []
        for row in rows or []:
            peer, session = row["name"], row["session"]
            if peer not in PEERS:
                continue
            mine = [each for each in mail if each["to"] == peer]
            for each in mine:
                shown = re.sub(
                    r"[0-9a-f]{32}|\d+", "N", f"{each['state']}, row {row['state']}: {each['why']}"
                )
                self.words[shown] = self.words.get(shown, 0) + 1
            sights.append(
                Sight(
                    peer,
                    row,
                    mine,
                    look(PEERS[peer][0], session["socket"], self.acts.roost.environ)
                    if session and session["socket"]
                    else None,
                    self.acts.memory.standing(peer, session["id"]) if session else [],
                    time.time() - self.acts.memory.last_key(peer),
                    sum(each.headers.get("x-peer") == peer for each in turns),
                    peer in working,
                )
            )
        return sights

    def _call(self, method: str, **params: object) -> Any:  # noqa: ANN401 -- JSON
        with contextlib.suppress(RoostError, OSError):
            return Client(str(self.acts.roost.places.socket), None, lambda _note: None).call(
                method, params, patience=5.0
            )
        return None

    def _alive(self, work: Work) -> bool:
        begun = self.acts.fleet.folder(work.peer) / f"{work.name}.begun"
        done = begun.with_suffix(".done")
        if done.exists() or not begun.exists():
            return False
        word = begun.read_text().strip()
        if not word.isdigit() or not alive(int(word)):
            return False
        self.last_work[work.name] = time.time()
        return True

    def _unasked(self, sights: list[Sight]) -> dict[Key, tuple[float, str, Sight]]:
        """Messages that are `accepted` and with which the model was never asked."""
        taken = [(sight, each) for sight in sights for each in sight.mail if each["state"] == "accepted"]
        if not taken:
            return {}
        said = [text for each in self.acts.fleet.model.journal.all() if each.kind == "turn"
                for text in each.user_texts]  # fmt: skip
        return {
            ("unasked", each["id"]): (UNASKED, f"{each['id']} is accepted, the model was not asked", sight)
            for sight, each in taken
            if not any(f"[roost message {each['id']} from " in text for text in said)
        }

    def _sentence(self, key: Key, words: str, sight: Sight) -> str:
        lately = "\n    ".join(self.acts.log[-14:])
        waiting = sorted(sight.mail, key=lambda each: each["state"])[:4]
        mail = [(each["id"], each["state"], each["when"], each["why"]) for each in waiting]
        return (
            f"[{key[0]}] {sight.peer}: {words}"
            f"\n  row: {sight.row['state']}: {sight.row['why']}\n  mail: {mail}"
            f"\n  people: {sight.standing}, last key {sight.touched:.0f} s ago;"
            f" {sight.flights} requests open, work {sight.working}"
            f"\n  lately:\n    {lately}\n  screen: {sight.scene}"
        )


def suspicions(sight: Sight) -> Iterator[tuple[Key, float, str]]:
    """What would be false if it stayed so: a key, the seconds for which it may, and words."""
    row, session = sight.row, sight.row["session"]
    # A notice wakes nobody, and a message for an idle peer waits for that.
    mail = [each for each in sight.mail if each["when"] != "idle" and not each["notice"]]
    due = [each for each in mail if each["state"] in ("queued", "offered")]
    where = (sight.peer, session["id"] if session else "")
    words = [("row", row["why"]), *((each["id"], each["why"]) for each in due)]
    yield from _states(sight, due, where, known=_explained(sight, words))
    if session is None:
        return
    for about, why in words:
        for claim, found in _CLAIMS.items():
            if found.search(why) and not sight.true(claim):
                yield ("false-" + claim, *where, about, claim), PATIENT, f"{about} says: {why}"
    for each in due:
        if _WORDLESS.match(each["why"]) and sight.at_rest and row["why"] in _SAYS_NOTHING:
            yield ("wordless", *where), WORDLESS, f"{each['id']} waits without a word"


def _explained(sight: Sight, words: list[tuple[str, str]]) -> bool:
    """Whether a true reason, or a time, is given for the wait."""
    held = [claim for _, why in words for claim, found in _CLAIMS.items() if found.search(why)]
    return any(sight.true(claim) for claim in held) or any(_LATER.search(why) for _, why in words)


def _states(sight: Sight, due: list[Row], where: Key, *, known: bool) -> Iterator[tuple[Key, float, str]]:
    """States that are false."""
    state, scene = sight.row["state"], sight.scene
    if state == "asleep" and due and not known:
        yield ("asleep-with-mail", *where, due[0]["id"]), 2 * PATIENT, f"asleep, {len(due)} waiting"
    if state == "idle" and due and not known:
        bound = PATIENT + (TASK if PEERS[sight.peer][1].get("wake") == "ephemeral" else 0)
        yield ("idle-with-mail", *where, due[0]["id"]), bound, f"idle, {len(due)} waiting"
    if state == "idle" and scene is not None and not scene.prompt:
        yield ("idle-without-prompt", *where), PATIENT, "idle, and no input line is on the screen"
    if state == "working" and scene is not None and scene.prompt and sight.at_rest and not scene.draft:
        yield ("working-at-rest", *where), 3 * PATIENT, "working, and nothing works"
