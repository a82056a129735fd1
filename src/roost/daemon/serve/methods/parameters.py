"""What methods of several subjects take."""

from typing import Annotated

import msgspec

from roost.daemon.serve.methods.method import Params

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What the store can count to."""


NAME = ("name",)
"""The parameter that names a peer."""


class Nothing(Params):
    """Nothing."""


class Named(Params):
    """A peer."""

    name: str
