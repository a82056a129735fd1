"""A defect of the daemon's own, as whoever meets it is told."""

from roost.errors import RoostError


class DefectError(RoostError):
    """The daemon met a defect of its own; its log has the details. Nothing was changed."""

    code = "defect"
