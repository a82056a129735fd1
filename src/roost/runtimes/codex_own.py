"""Codex with an app-server of its own, and its ordinary terminal program on that (measured with 0.171.0).

The shim starts `codex app-server --listen unix://SOCKET` beside the agent, which is `codex --remote` on that
socket. Neither goes on without the other here, although Codex's own would: its terminal program waits for a
server that has gone ("Reconnecting to server"), its server keeps what its terminal program leaves. Where
none listens yet the terminal program ends at once. Instructions and tools are the server's: what the
terminal program's own configuration says of them does not count. A thread without a turn cannot be resumed.
"""

from collections.abc import Sequence

from roost.core.vocabulary.peer import Settings
from roost.runtimes import codex_args, codex_own_args
from roost.runtimes.codex import CodexRuntime, options
from roost.runtimes.codex_server.own import OwnCall
from roost.runtimes.codex_server.sensor import OwnSensor
from roost.runtimes.codex_server.servers import Servers
from roost.runtimes.context import Context
from roost.runtimes.environ import past_proxies
from roost.runtimes.runtime import Beside, LaunchPlan


class OwnThread:
    """A thread of a server that roost runs. What its rollouts tell is read as of any Codex."""

    def __init__(self, servers: Servers) -> None:
        """Reach it through these."""
        self._servers = servers
        self.codex = CodexRuntime()

    def check(self, settings: Settings) -> None:
        """Refuse arguments that contradict ours, or that no server takes."""
        codex_own_args.read(settings)

    def plan(self, context: Context) -> LaunchPlan:
        """Begin a conversation in the pane, or resume the one that the last session ran."""
        theirs = codex_own_args.read(context.settings)
        prompt = "\n\n".join(text for text in (context.settings.prompt, theirs.prompt) if text)
        address, conversation = f"unix://{context.socket}", context.session.conversation
        begins: Sequence[str] = theirs.begins
        resume: Sequence[str] = ()
        if context.session.resumed and conversation:
            begins, resume = (), ("resume", conversation)
        asks = ("-c", f"{codex_args.UPDATES}=false")
        pane = ("codex", *resume, "--remote", address, *asks, *begins, *theirs.pane)
        server = ("codex", "app-server", "--listen", address, *options(context.url, prompt), *theirs.server)
        return LaunchPlan(pane, past_proxies(context.environ), beside=Beside("app-server", server))

    def sensor(self, context: Context) -> OwnSensor:
        """What its server tells; of its screen the questions at its start."""
        return OwnSensor(context)

    def call(self, context: Context) -> OwnCall:
        """Its server."""
        return self._servers.own(context.session, context.socket)
