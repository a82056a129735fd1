"""What can go wrong with the show itself."""

from roost.errors import RoostError


class StepError(RoostError):
    """A step of the demo did not do what it should."""

    code = "demo-step"
