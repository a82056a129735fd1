"""The way to other hosts, as `doctor` looks at it: what waits for them and does not arrive."""

from collections.abc import Callable, Iterable, Mapping

from roost.present.finding import Code, Finding, wrong


class LinksCheck:
    """Looks at each host for which something waits."""

    def __init__(self, links: Callable[[], Mapping[str, str]]) -> None:
        """`links`: the hosts for which something waits that does not arrive, and why."""
        self._links = links

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        advice = (
            "what waits is kept, and tried again by itself; see to the hub: its disk, and its nats-server"
            " (restart it where it takes what it does not give out)"
        )
        return [
            wrong(Code.LINK_FAILS, f"link to {host}", f"what waits does not arrive: {why}", advice=advice)
            for host, why in self._links().items()
        ]
