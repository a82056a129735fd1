"""Where an app-server that runs listens, by its command line (0.171.0; 17)."""

import pytest

from roost.errors import RefusedError
from roost.runtimes.codex_server.listening import listening

ENVIRON = {"HOME": "/u"}
ITS_OWN = "app-server-control/app-server-control.sock"


@pytest.mark.parametrize(
    ("words", "environ", "address"),
    [
        ("codex app-server --listen unix:// --managed-daemon", ENVIRON, f"unix:/u/.codex/{ITS_OWN}"),
        ("codex app-server --listen unix://", {"CODEX_HOME": "/c"}, f"unix:/c/{ITS_OWN}"),
        ("codex -c a=1 app-server --listen=unix:///run/codex.sock", ENVIRON, "unix:/run/codex.sock"),
        ("codex app-server --listen ws://127.0.0.1:8790", ENVIRON, "ws://127.0.0.1:8790"),
        ("codex app-server --listen stdio:// --listen unix:///s", ENVIRON, "unix:/s"),
        ("codex --no-daemon", ENVIRON, None),
        ("app-server", ENVIRON, None),
        ("", ENVIRON, None),
    ],
)
def test_17_its_address_is_what_it_was_started_with(
    words: str, environ: dict[str, str], address: str | None
) -> None:
    assert listening(words.split(), environ) == address


@pytest.mark.parametrize("listens", ["", "--listen", "--listen stdio://", "--listen ws://0.0.0.0:8790"])
def test_17_one_that_takes_nobody_else_here_is_refused(listens: str) -> None:
    with pytest.raises(RefusedError, match="roost add NAME --runtime human"):
        listening(f"codex app-server {listens}".split(), ENVIRON)
