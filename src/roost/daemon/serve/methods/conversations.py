"""The methods about conversations: what was said in them, and where words stand."""

import msgspec

from roost.daemon.serve.api.transcripts import Transcripts
from roost.daemon.serve.api.usage import Usages
from roost.daemon.serve.methods.method import Answer, Away, Call, Method, Params, Stream, Table
from roost.daemon.serve.methods.parameters import NAME, Count
from roost.daemon.session.search import LATEST, Asked, state_of
from roost.store.interfaces import Wanted


class Transcript(Params):
    """Whose conversation, and which turns of it; without `first` the latest."""

    name: str
    first: int | None = None
    last: int | None = None
    topic: str | None = None
    whole: bool = False
    follow: bool = False


class All(Params):
    """All live sessions."""


class Search(Params):
    """What is looked for. `since`: seconds ago."""

    text: str
    places: list[str] = msgspec.field(default_factory=list[str], name="in")
    peer: str | None = None
    to: str | None = None
    sender: str | None = msgspec.field(default=None, name="from")
    state: str | None = None
    topic: str | None = None
    since: float | None = None
    limit: Count | None = None

    def asked(self) -> Asked:
        """As a search takes it. Raises UsageError."""
        wanted = Wanted(self.to, self.sender, state_of(self.state), self.topic, self.since)
        return Asked(self.text, self.places, self.peer, wanted, self.limit or LATEST)


class ConversationMethods:
    """Answers what is asked about conversations."""

    def __init__(self, transcripts: Transcripts, usages: Usages) -> None:
        """Ask these."""
        self._transcripts = transcripts
        self._usages = usages

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "transcript": Method(Transcript, self._transcript, looks=True, waits=True, names=NAME),
            "search": Method(
                Search, self._search, looks=True, waits=True, names=("peer", "to", "sender"), away=Away.HERE
            ),
            "usage": Method(All, self._usage, looks=True, waits=True),
        }

    async def _usage(self, _call: Call[All]) -> Answer:
        return Answer(await self._usages.all())

    async def _transcript(self, call: Call[Transcript]) -> Stream:
        asked = call.params
        return Stream(
            self._transcripts.read(
                asked.name, asked.first, asked.last, asked.topic, whole=asked.whole, follow=asked.follow
            )
        )

    async def _search(self, call: Call[Search]) -> Answer:
        found, notes = await self._transcripts.search(call.params.asked())
        return Answer(found, notes)
