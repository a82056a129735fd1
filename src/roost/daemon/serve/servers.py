"""The two servers, of the Unix socket and of the loopback port, with what tells them who asks."""

import asyncio
import socket
from typing import TYPE_CHECKING

from roost.daemon.death.supervisor import Supervisor
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.callers import Callers
from roost.daemon.serve.http.hooks import Hooks
from roost.daemon.serve.http.metrics_token import MetricsToken
from roost.daemon.serve.http.port import Port
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

if TYPE_CHECKING:  # what the port takes is loaded when the daemon answers on its socket
    from starlette.applications import Starlette

    from roost.daemon.serve.http.server import HttpServer


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
        self._tokens = Tokens(machine.store, fleet)
        self._callers = Callers(fleet, machine.processes, machine.places.home, self._tokens.caller)
        fleet.listeners.on_committed.append(self._callers.committed)
        self._api = api
        self._tools = LazyTools(machine, self._load_tools)
        reading = ReadingMethods(api.mail, api.reading, Calls(self._tools).answer)
        methods = {**methods, **reading.table()}
        dispatcher = Dispatcher(self._callers, methods, api.addresses.named, api.others.ask)
        self._socket = SocketServer(dispatcher, self._callers, tasks)
        self._metrics = metrics
        self._metrics_token = MetricsToken(machine.places.metrics_token, machine.ids.token())
        self._hooks = Hooks(supervisor, fleet, machine.clock)
        self._listener = listener
        self._port = Port(listener, self._load_http, machine.work.modules)

    async def prepare(self) -> None:
        """Learn the sessions that the fleet has loaded, and the token of the metrics. Raises OSError."""
        self._callers.load()
        await self._machine.work.files.run(self._metrics_token.prepare)

    def open_port(self) -> "asyncio.Task[None]":
        """Load what the loopback port takes, and serve there. The task ends when that server does."""
        serving = self._tasks.start(self._port.run(), "http")
        self._tasks.start(self._tools.run(), "tools")
        return serving

    async def port_ready(self) -> None:
        """Return when the loopback port is served."""
        await self._port.ready()

    async def tools_ready(self) -> None:
        """Return when a program's call of the tools is answered at once, or it is told why not."""
        await self.port_ready()
        await self._tools.ready()

    async def open_socket(self, listener: socket.socket) -> None:
        """Serve on the Unix socket, and stay where callers look for it."""
        await self._socket.start(listener)
        self._tasks.start(self._socket.stay(self._machine.places.socket, self._machine.clock), "socket")

    def close(self) -> None:
        """Take nothing more; what runs on the port may finish, connections to the socket are hung up on."""
        self._socket.close()
        self._port.close()

    def _load_http(self) -> "HttpServer":
        """Blocking."""
        from roost.daemon.serve.http.gate import Gate  # noqa: PLC0415 -- see the port
        from roost.daemon.serve.http.routes import application  # noqa: PLC0415 -- as above
        from roost.daemon.serve.http.server import HttpServer  # noqa: PLC0415 -- as above

        app = application(self._tools, self._hooks, self._metrics)
        gate = Gate(app, self._tokens, self._metrics_token, self._listener.getsockname()[1])
        return HttpServer(gate, self._listener)

    def _load_tools(self) -> "Starlette":
        """Blocking."""
        from roost.daemon.serve.http.body import BODY  # noqa: PLC0415 -- as above
        from roost.daemon.serve.http.gate import caller_of  # noqa: PLC0415 -- as above
        from roost.daemon.serve.mcp.tools import tools_app  # noqa: PLC0415 -- see the lazy tools

        return tools_app(self._api, caller_of, BODY)
