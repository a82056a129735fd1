"""C7: whose fault an error of a model is: only what speaks of the request may blame a conversation."""

import pytest

from roost.faults import Fault, fault_of


@pytest.mark.parametrize(
    ("words", "status", "fault"),
    [
        ("no", 400, Fault.REQUEST),
        ("no", 413, Fault.REQUEST),
        ("no", 422, Fault.REQUEST),
        ("no", 401, Fault.SERVICE),
        ("no", 402, Fault.SERVICE),
        ("no", 404, Fault.SERVICE),
        ("no", 405, Fault.SERVICE),
        ("no", 529, Fault.SERVICE),
        ("no", 302, Fault.UNKNOWN),
        ("no", None, Fault.UNKNOWN),
        ("Internal error", None, Fault.UNKNOWN),
        ("Internal error: API Error: 400 max_tokens: 500 is too much", None, Fault.REQUEST),
        ("Internal error: API Error: 529 Overloaded", None, Fault.SERVICE),
        ("unexpected status 404 Not Found: no", None, Fault.SERVICE),
        ("This model's maximum context length is 8192 tokens", None, Fault.REQUEST),
        ("prompt is too long: 210000 tokens > 200000 maximum", None, Fault.REQUEST),
        ("fetch failed", None, Fault.SERVICE),
        ("The model `gpt-0` does not exist or you do not have access to it.", 400, Fault.SERVICE),
        ("models/gemini-0 is not found for API version v1beta", 400, Fault.SERVICE),
        ("Model not found: nope/none.", None, Fault.SERVICE),
        ("There's an issue with the selected model (m). It may not exist", None, Fault.SERVICE),
        ("The model m has been decommissioned", 400, Fault.SERVICE),
        ("It seems like you don't have access to m.", None, Fault.SERVICE),
        ("API key not valid. Please pass a valid API key.", 400, Fault.SERVICE),
        ("Your credit balance is too low to access the API", 400, Fault.SERVICE),
        ("this model does not support image input", 400, Fault.REQUEST),
        ("tool_use ids were found without tool_result blocks", 400, Fault.REQUEST),
    ],
)
def test_C7_an_error_is_charged_by_its_words_and_status(words: str, status: int | None, fault: Fault) -> None:
    assert fault_of(words, status) is fault
