"""Issue 17: no message by hooks is lost or doubled, whatever hooks are killed.

The long form is `scripts/chaos --peers hooks`. The ground truth is what the fake model was asked.
"""

import pytest

from tests.support.hook_proof import HOWS, prove

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MESSAGES = 10


@pytest.mark.parametrize("how", [name for name, how in HOWS.items() if how.hooks])
def test_17_C1_each_message_comes_in_once_while_hooks_are_killed(how: str) -> None:
    wrong, acts = prove(HOWS[how], seed=17, count=MESSAGES, deaths=1)
    assert not wrong, "\n".join(wrong)
    assert acts["sent"] + acts["sent now"] == MESSAGES
    assert acts["a death of the daemon"] == 1
    assert any(act.startswith("killed: ") for act in acts), acts
