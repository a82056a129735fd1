"""`metrics`: what the daemon counts, as Prometheus reads it."""

from roost.cli.app import App
from roost.cli.command import command
from roost.cli.stdout import write


@command("metrics", data=False)
def metrics_command(app: App) -> None:
    """Print what the daemon counts, as Prometheus text.

    The same text is at `/metrics` of the loopback address that `roost status --json` shows, for whoever sends
    the content of `state/metrics.token` as a bearer token. Counters begin with the daemon.
    """
    write(app.call("metrics")["text"])
