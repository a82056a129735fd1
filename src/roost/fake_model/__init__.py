"""A model server for tests, steered by the text it is sent.

It speaks Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and Gemini (generateContent).

    with FakeModel() as model:
        ...start a CLI with ANTHROPIC_BASE_URL=model.url...
        model.journal.wait_for(lambda arrival: "hello" in arrival.user_texts)

`script` lists the directives. Alone: `python -m roost.fake_model`.
"""

from roost.fake_model.journal import Arrival, Journal
from roost.fake_model.server import FakeModel

__all__ = ["Arrival", "FakeModel", "Journal"]
