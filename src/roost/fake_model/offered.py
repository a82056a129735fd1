"""The tool that a step of the script means, among those that a program offers."""

from collections.abc import Sequence

from roost.fake_model.script import Call, Send, Shell, Tool

_SHELLS = ("bash", "run_shell_command", "shell")
"""OpenCode 1.18.33: `bash`; Gemini CLI 0.61.0 and its forks: `run_shell_command`."""
_SEND = "send_message"
"""OpenCode 1.18.33: `roost_send_message`; Gemini CLI 0.61.0: `mcp_roost_send_message`."""


def named(call: Call, tools: Sequence[str]) -> tuple[str, dict[str, object]]:
    """The name and the arguments of a tool call; a tool that is not offered is called by the plain name."""
    match call:
        case Shell(command):
            name = next((name for name in _SHELLS if name in tools), _SHELLS[0])
            return name, {"command": command, "description": "a command the user has to allow"}
        case Send():
            return next((name for name in tools if name.endswith(_SEND)), _SEND), call.arguments()
        case Tool(name, arguments):
            return name, arguments
