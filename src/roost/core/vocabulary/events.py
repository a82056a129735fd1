"""What can happen to one peer: something is asked of it, or something was seen."""

from roost.core.vocabulary.facts import Fact
from roost.core.vocabulary.move import Answered, Decided, Depart, Disowned, Owned, Stay
from roost.core.vocabulary.requests import Request

Event = Request | Fact | Depart | Stay | Answered | Owned | Decided | Disowned
