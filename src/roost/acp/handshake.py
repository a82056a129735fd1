"""From the start of an agent to its open session: what it can, what it is given, what is loaded."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from roost.acp.questions import Option, Questions
from roost.acp.rpc import Answer, Rpc

PROTOCOL = 1
_AUTH_REQUIRED = -32000


class Wish(NamedTuple):
    """What the session is to be. `load`: the conversation to go on with; `must_load`: or none at all."""

    directory: str
    load: str | None = None
    must_load: bool = False
    url: str = ""
    token: str = ""
    version: str = ""
    meta: Mapping[str, object] = {}


class Opened(NamedTuple):
    """An open session. `why`: why the conversation that was to be loaded was not."""

    conversation: str
    loaded: bool
    loads: bool
    agent: str
    why: str | None = None
    tools: bool = True


class Handshake:
    """Opens one session; then `opened` is called, or `failed` with the reason."""

    def __init__(
        self,
        rpc: Rpc,
        questions: Questions,
        wish: Wish,
        opened: Callable[[Opened], None],
        failed: Callable[[str], None],
    ) -> None:
        """Nothing is asked yet."""
        self._rpc = rpc
        self._questions = questions
        self._wish = wish
        self._opened = opened
        self._failed = failed
        self._capabilities: Mapping[str, Any] = {}
        self._methods: list[Option] = []
        self._agent = ""
        self.loading = False
        """Whether what the agent tells of prompts is history."""

    def begin(self) -> None:
        """Ask the agent what it can. It is offered no files and no terminals of ours: it has its own."""
        files = {"readTextFile": False, "writeTextFile": False}
        self._rpc.request(
            "initialize",
            {
                "protocolVersion": PROTOCOL,
                "clientCapabilities": {"fs": files, "terminal": False},
                "clientInfo": {"name": "roost", "title": "roost", "version": self._wish.version},
            },
            self._on_initialized,
        )

    def _on_initialized(self, answer: Answer) -> None:
        if answer.error is not None:
            self._failed(f"the agent does not begin: {answer.error}")
            return
        version = answer.result.get("protocolVersion")
        if version != PROTOCOL:
            self._failed(f"the agent speaks version {version} of the protocol, not {PROTOCOL}")
            return
        self._capabilities = _object(answer.result.get("agentCapabilities"))
        info = _object(answer.result.get("agentInfo"))
        self._agent = " ".join(str(info[name]) for name in ("name", "version") if info.get(name))
        methods = answer.result.get("authMethods")
        for each in cast("list[object]", methods) if isinstance(methods, list) else []:
            method = _object(each)
            if isinstance(method.get("id"), str):
                self._methods.append(Option(method["id"], str(method.get("name") or method["id"])))
        self._open()

    def _open(self) -> None:
        if self._wish.load is None:
            self._new(None)
        elif self._capabilities.get("loadSession") is True:
            self.loading = True
            self._rpc.request(
                "session/load", {"sessionId": self._wish.load, **self._params()}, self._on_loaded
            )
        else:
            self._instead("the agent cannot load conversations")

    def _new(self, why: str | None) -> None:
        self._rpc.request("session/new", self._params(), lambda answer: self._on_new(answer, why))

    def _instead(self, why: str) -> None:
        """The conversation cannot be gone on with: a fresh one, unless somebody insists on it."""
        if self._wish.must_load:
            self._failed(f"conversation {self._wish.load} cannot be loaded: {why}")
        else:
            self._new(why)

    def _on_loaded(self, answer: Answer) -> None:
        self.loading = False
        if answer.code == _AUTH_REQUIRED and self._methods:
            self._authenticate(answer.error or "", self._open)
        elif answer.error is not None:
            self._instead(answer.error)
        else:
            self._tell(self._wish.load or "", loaded=True, why=None)

    def _on_new(self, answer: Answer, why: str | None) -> None:
        conversation = answer.result.get("sessionId")
        if answer.code == _AUTH_REQUIRED and self._methods:
            self._authenticate(answer.error or "", lambda: self._new(why))
        elif answer.error is not None:
            self._failed(f"the agent opens no session: {answer.error}")
        elif not isinstance(conversation, str):
            self._failed("the agent opened a session without an id")
        else:
            self._tell(conversation, loaded=False, why=why)

    def _authenticate(self, said: str, then: Callable[[], None]) -> None:
        """A person chooses how."""

        def chosen(method: str | None) -> None:
            if method is not None:
                self._rpc.request("authenticate", {"methodId": method}, answered)

        def answered(answer: Answer) -> None:
            if answer.error is not None:
                self._authenticate(answer.error, then)
            else:
                then()

        self._questions.ask(f"its agent wants to be signed in: {said}", self._methods, chosen)

    def _tell(self, conversation: str, *, loaded: bool, why: str | None) -> None:
        loads = self._capabilities.get("loadSession") is True
        self._opened(Opened(conversation, loaded, loads, self._agent, why, self._takes_tools()))

    def _takes_tools(self) -> bool:
        return _object(self._capabilities.get("mcpCapabilities")).get("http") is True

    def _params(self) -> dict[str, object]:
        servers: list[object] = []
        if self._wish.url and self._takes_tools():
            header = {"name": "Authorization", "value": f"Bearer {self._wish.token}"}
            servers.append(
                {"type": "http", "name": "roost", "url": f"{self._wish.url}/mcp", "headers": [header]}
            )
        meta = {"_meta": self._wish.meta} if self._wish.meta else {}
        return {"cwd": self._wish.directory, "mcpServers": servers, **meta}


def _object(value: object) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
