"""The methods about mail: read, followed, acknowledged."""

from roost.daemon.health.alarms import Alarms
from roost.daemon.serve.api.mail import Mail
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Stream, Table
from roost.daemon.serve.methods.parameters import NAME


class Inbox(Params):
    """Whose mail, by default the asker's; `all`: what was read, too. `since`: seconds ago."""

    name: str | None = None
    follow: bool = False
    all: bool = False
    since: float | None = None


class Acknowledge(Params):
    """Mail that was seen."""

    ids: list[str]
    name: str | None = None


class MailMethods:
    """Answers what is asked about mail."""

    def __init__(self, mail: Mail, alarms: Alarms) -> None:
        """`alarms` tell what a list leaves out."""
        self._mail = mail
        self._alarms = alarms

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "inbox": Method(Inbox, self._inbox, agents=True, looks=True, names=NAME),
            "acknowledge": Method(Acknowledge, self._acknowledge, agents=True, names=NAME),
        }

    async def _inbox(self, call: Call[Inbox]) -> Answer | Stream:
        asked = call.params
        name = self._mail.mailbox_of(call.caller, asked.name)
        if asked.follow:
            return Stream(self._mail.follow(name, asked.since, read=asked.all))
        return Answer(await self._mail.read(name, asked.since, read=asked.all), self._alarms.unreadable())

    async def _acknowledge(self, call: Call[Acknowledge]) -> Answer:
        asked = call.params
        await self._mail.acknowledge(call.caller, self._mail.mailbox_of(call.caller, asked.name), asked.ids)
        return Answer({})
