"""`metrics`: what the daemon counts, as Prometheus reads it."""

import sys

from roost.cli.app import App
from roost.cli.command import command


@command("metrics", data=False)
def metrics_command(app: App) -> None:
    """Print what the daemon counts, as Prometheus text.

    The same text is at `/metrics` of the loopback address that `roost status --json` shows, for whoever sends
    the content of `state/metrics.token` as a bearer token. Counters begin with the daemon.
    """
    sys.stdout.write(app.call("metrics")["text"])
