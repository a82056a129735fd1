"""Mail by hooks: of parallel hooks one takes it, a sub-agent's never does, and its answer (issue 17)."""

import asyncio
import json

from roost.daemon.session.hook_mail import HookMail, Parcel
from roost.runtimes.claude_own import ClaudeCarrier

CARRIER = ClaudeCarrier()


async def test_17_one_of_many_parallel_hooks_takes_a_message() -> None:
    mail = HookMail()
    hooks = [asyncio.create_task(mail.wait(ends=False, seconds=5)) for _ in range(20)]
    await asyncio.sleep(0)
    parcel = Parcel("text", anytime=True)
    mail.put(parcel)
    done, waiting = await asyncio.wait(hooks, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == ["text"]
    assert parcel.taken.is_set()
    mail.put(Parcel("next", anytime=True))
    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == ["next"]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_17_what_is_for_the_end_of_a_turn_is_given_at_its_end_alone() -> None:
    mail = HookMail()
    parcel = Parcel("text", anytime=False)
    mail.put(parcel)
    assert await mail.wait(ends=False, seconds=0) is None
    assert await mail.wait(ends=True, seconds=0) == "text"
    mail.put(parcel)
    mail.withdraw(parcel)
    assert mail.take(ends=True) is None


def test_17_a_hook_of_a_sub_agent_carries_nothing() -> None:
    for name in ("PostToolUse", "UserPromptSubmit", "Stop"):
        assert CARRIER.moment(name, {"agent_id": "a1"}) is None
        moment = CARRIER.moment(name, {})
        assert moment is not None
        assert moment.ends is (name == "Stop")
    assert CARRIER.moment("SubagentStop", {}) is None


def test_17_claude_code_is_answered_as_its_hooks_have_it() -> None:
    within = CARRIER.answer("PostToolUse", "text")
    assert json.loads(json.dumps(within)) == {
        "hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": "text"}
    }
    assert CARRIER.answer("Stop", "text") == {"decision": "block", "reason": "text"}
