"""What can go wrong on a stage."""

from roost.errors import RoostError


class StepError(RoostError):
    """A step did not do what it should."""

    code = "step"
