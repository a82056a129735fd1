"""Sessions as their runtimes see them."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session
from roost.daemon.session.runs import Run, Runs
from roost.host.environment import child_environment
from roost.local.paths import Places
from roost.runtimes.context import Context
from roost.runtimes.registry import Runtimes


class Contexts:
    """Makes them, also of sessions that are over."""

    def __init__(
        self, places: Places, runtimes: Runtimes, environ: Mapping[str, str], passes: Sequence[str], url: str
    ) -> None:
        """`environ`: of which agents get the passed names; `url`: the daemon's loopback address."""
        self._places = places
        self._runtimes = runtimes
        self._environ = environ
        self._passes = passes
        self._url = url
        self.runs = Runs(places.runs)

    def passed(self, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
        """What of an environment the runtime may see, with the peer's own variables."""
        known = settings.runtime in self._runtimes.names()
        own = self._runtimes.get(settings.runtime).passes if known else ()
        return child_environment(environ, dict(settings.env), (*own, *self._passes))

    def hand_on(self, session: Session, settings: Settings) -> None:
        """Blocking: a session of ours goes on with what a person ran, whose records are where theirs were.

        It gets what the runtime may see of their environment, and the peer's folder and arguments.
        Raises OSError, HostError.
        """
        run = self.runs.latest(session.peer)
        if run is not None:
            environ = self.passed(settings, run.environ)
            self.runs.keep(session.peer, Run("", settings.dir, settings.args, environ), session.id)

    def of(self, session: Session, settings: Settings) -> Context:
        """The session as its runtime sees it."""
        run = self.runs.of(session.peer, session.id)
        if run is None:
            environ = self.passed(settings, self._environ)
        else:
            environ = dict(run.environ)
            settings = replace(settings, dir=run.dir, args=run.args)
        return Context(
            session=session,
            settings=settings,
            home=self._places.session(session.id),
            shared=self._places.state / settings.runtime,
            environ=environ,
            url=self._url,
            socket=self._places.call(session.id),
        )
