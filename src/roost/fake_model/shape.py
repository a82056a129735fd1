"""A JSON value of the shape that a schema asks for: the answer to a side request that must be an object."""

from typing import Any

TITLE = "fake title"
"""What every text of such an answer says."""

_PLAIN: dict[str, object] = {"array": [], "boolean": False, "integer": 1, "null": None, "number": 0}


def sample(schema: dict[str, Any]) -> object:
    """The plainest value that fits. Gemini CLI 0.61.0 writes the names of types in capitals.

    A number is 0 and an integer 1: Gemini CLI 0.61.0 asks for a confidence from 0 (no loop) to 1 and for a
    complexity from 1 to 100.
    """
    if schema.get("enum"):
        return schema["enum"][0]
    properties: dict[str, Any] = schema.get("properties", {})
    if properties:
        return {name: sample(each) for name, each in properties.items()}
    return _PLAIN.get(str(schema.get("type", "")).lower(), TITLE)
