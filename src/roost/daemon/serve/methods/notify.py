"""The methods about notifications: how the rules are, and a sample."""

from roost.daemon.notify.notifications import Notifications
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Nothing


class Sample(Params):
    """The rule to send one by; None: all."""

    rule: str | None = None


class NotifyMethods:
    """Answers what the operator asks about rules."""

    def __init__(self, notifications: Notifications) -> None:
        """Of these."""
        self._notifications = notifications

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "notify_rules": Method(Nothing, self._rules, looks=True),
            "notify_test": Method(Sample, self._test, waits=True),
        }

    async def _rules(self, _call: Call[Nothing]) -> Answer:
        return Answer(self._notifications.told())

    async def _test(self, call: Call[Sample]) -> Answer:
        return Answer(await self._notifications.test(call.params.rule))
