"""The fake model server as a thing to start and stop."""

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from roost.fake_model.app import Outage, build
from roost.fake_model.delays import Delays
from roost.fake_model.journal import Journal

_PATIENCE = 30.0


class FakeModel:
    """A model server on 127.0.0.1, on a port of its own, in a thread of its own.

    Usable as a context manager. `url` is for `ANTHROPIC_BASE_URL` and `GOOGLE_GEMINI_BASE_URL`; Codex and
    OpenCode want `url + "/v1"`.
    """

    def __init__(self, log: Path | None = None, port: int = 0, bodies: Path | None = None) -> None:
        """Log to the file `log` as well, keep request bodies in the folder `bodies`; port 0: any free one.

        Raises OSError when the port is taken.
        """
        self._socket: socket.socket = listen(port)
        self.journal: Journal = Journal(log, bodies)
        self.outage: Outage = Outage()
        self.delays: Delays = Delays()
        config = uvicorn.Config(
            build(self.journal, self.outage, self.delays),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server: uvicorn.Server = uvicorn.Server(config)
        self._thread: threading.Thread = threading.Thread(target=self._run, name="fake-model", daemon=True)

    @property
    def port(self) -> int:
        """The TCP port."""
        address: tuple[str, int] = self._socket.getsockname()
        return address[1]

    @property
    def url(self) -> str:
        """The server's address without a path."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Serve; connections are accepted (by the system) even before this."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; open answers are cut off after a second.

        Raises TimeoutError when the server does not end.
        """
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._socket.close()
        if self._thread.is_alive():
            msg = f"the fake model server did not end within {_PATIENCE} s"
            raise TimeoutError(msg)

    def run(self) -> None:
        """Serve in the calling thread until interrupted."""
        self._run()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def listen(port: int) -> socket.socket:
    """Its protocol is named for asyncio, which sends the parts of an answer at once only then."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
