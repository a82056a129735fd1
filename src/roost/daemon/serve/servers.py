"""The two servers, of the Unix socket and of the loopback port, with what tells them who asks."""

import asyncio
import socket

from roost.daemon.death.supervisor import Supervisor
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.callers import Callers
from roost.daemon.serve.http.body import BODY
from roost.daemon.serve.http.gate import Gate, caller_of
from roost.daemon.serve.http.hooks import Hooks
from roost.daemon.serve.http.metrics_token import MetricsToken
from roost.daemon.serve.http.routes import application
from roost.daemon.serve.http.server import HttpServer
from roost.daemon.serve.mcp.calls import Calls
from roost.daemon.serve.mcp.lazy_tools import LazyTools
from roost.daemon.serve.methods.dispatcher import Dispatcher
from roost.daemon.serve.methods.method import Table
from roost.daemon.serve.methods.reading import ReadingMethods
from roost.daemon.serve.metrics import Metrics
from roost.daemon.serve.socket.server import SocketServer
from roost.daemon.serve.tokens import Tokens
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks


class Servers:
    """Answers people on the socket, agents and their programs on the port."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        tasks: Tasks,
        api: Api,
        methods: Table,
        metrics: Metrics,
        supervisor: Supervisor,
        listener: socket.socket,
    ) -> None:
        """Build them; `listener` is the loopback port's. Nothing is served yet."""
        self._machine = machine
        self._tasks = tasks
        tokens = Tokens(machine.store, fleet)
        self._callers = Callers(fleet, machine.processes, machine.places.home, tokens.caller)
        fleet.listeners.on_committed.append(self._callers.committed)
        self.tools = LazyTools(machine, api, caller_of, BODY)
        reading = ReadingMethods(api.mail, api.reading, Calls(self.tools).answer)
        methods = {**methods, **reading.table()}
        dispatcher = Dispatcher(self._callers, methods, api.addresses.named, api.others.ask)
        self._socket = SocketServer(dispatcher, self._callers, tasks)
        self._metrics_token = MetricsToken(machine.places.metrics_token, machine.ids.token())
        app = application(self.tools, Hooks(supervisor, fleet, machine.clock), metrics)
        gate = Gate(app, tokens, self._metrics_token, listener.getsockname()[1])
        self._http = HttpServer(gate, listener)

    async def prepare(self) -> None:
        """Learn the sessions that the fleet has loaded, and the token of the metrics. Raises OSError."""
        self._callers.load()
        await self._machine.work.files.run(self._metrics_token.prepare)

    async def open_port(self) -> "asyncio.Task[None]":
        """Serve on the loopback port; returns when it does. The task ends when that server does."""
        serving = self._tasks.start(self._http.run(), "http")
        self._tasks.start(self.tools.run(), "tools")
        await self._http.ready()
        return serving

    async def open_socket(self, listener: socket.socket) -> None:
        """Serve on the Unix socket, and stay where callers look for it."""
        await self._socket.start(listener)
        self._tasks.start(self._socket.stay(self._machine.places.socket, self._machine.clock), "socket")

    def close(self) -> None:
        """Take nothing more; what runs on the port may finish, connections to the socket are hung up on."""
        self._socket.close()
        self._http.close()
