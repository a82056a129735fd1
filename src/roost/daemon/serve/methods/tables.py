"""The tables of all subjects, put together."""

from collections.abc import Callable

from roost.daemon.health.health import Health
from roost.daemon.registry.adoption import Registry
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.journal import JournalFeed
from roost.daemon.serve.methods.added_hooks import AddedHookMethods
from roost.daemon.serve.methods.conversations import ConversationMethods
from roost.daemon.serve.methods.daemon import DaemonMethods
from roost.daemon.serve.methods.history import HistoryMethods
from roost.daemon.serve.methods.mail import MailMethods
from roost.daemon.serve.methods.messages import MessageMethods
from roost.daemon.serve.methods.method import Table
from roost.daemon.serve.methods.notify import NotifyMethods
from roost.daemon.serve.methods.own_session import OwnSessionMethods
from roost.daemon.serve.methods.peers import PeerMethods
from roost.daemon.serve.methods.questions import QuestionMethods
from roost.daemon.serve.methods.registry import RegistryMethods
from roost.daemon.serve.methods.sessions import SessionMethods
from roost.daemon.serve.methods.terminals import TerminalMethods
from roost.daemon.serve.methods.threads import ThreadMethods
from roost.daemon.serve.methods.watches import WatchMethods
from roost.daemon.serve.metrics import Metrics
from roost.daemon.state.fleet import Fleet
from roost.store.interfaces import Store


def all_methods(
    api: Api,
    health: Health,
    registry: Registry,
    metrics: Metrics,
    fleet: Fleet,
    store: Store,
    feed: JournalFeed,
    shut_down: Callable[[bool], None],
) -> Table:
    """Every method of the socket by name; `shut_down` ends the daemon, with its agents or without."""
    return {
        **PeerMethods(api, health.alarms).table(),
        **SessionMethods(api).table(),
        **TerminalMethods(api).table(),
        **MessageMethods(api, health.alarms).table(),
        **MailMethods(api.mail, health.alarms).table(),
        **QuestionMethods(api.questions, api.others).table(),
        **ThreadMethods(api).table(),
        **WatchMethods(api.watches).table(),
        **OwnSessionMethods(api.own_session, api.joining).table(),
        **AddedHookMethods(api.added_hooks).table(),
        **ConversationMethods(api.transcripts, api.usages).table(),
        **HistoryMethods(fleet, store, feed, health.alarms).table(),
        **RegistryMethods(registry, health.gc_report, api.peers).table(),
        **NotifyMethods(health.notifications).table(),
        **DaemonMethods(health, metrics, store, shut_down).table(),
    }
