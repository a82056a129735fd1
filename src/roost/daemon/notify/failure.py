"""Why a notification did not arrive."""

from roost.errors import RoostError


class NotDeliveredError(RoostError):
    """The notification did not arrive.

    `later`: seconds after which the receiver wants it again. `final`: it wants nothing more.
    """

    code = "not-delivered"

    def __init__(self, why: str, *, later: float = 0.0, final: bool = False) -> None:
        """`why` holds no secret: it is shown, logged and stored."""
        super().__init__(why)
        self.later = later
        self.final = final
