"""`python -m roost.fake_model [--port N] [--log FILE]`: prints the port, serves until interrupted."""

import argparse
import contextlib
from pathlib import Path

from roost.fake_model.server import FakeModel


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m roost.fake_model", description=__doc__)
    _ = parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 = any free one")
    _ = parser.add_argument("--log", type=Path, help="append one JSON line per request to this file")
    _ = parser.add_argument("--bodies", type=Path, help="keep the whole bodies of requests in this folder")
    arguments = parser.parse_args()
    log: Path | None = arguments.log
    bodies: Path | None = arguments.bodies
    port: int = arguments.port
    model = FakeModel(log, port, bodies)
    print(model.port, flush=True)  # noqa: T201 - the caller reads the port here
    with contextlib.suppress(KeyboardInterrupt):
        model.run()


if __name__ == "__main__":
    main()
