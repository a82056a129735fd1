"""17: real MCP clients, configured in their own homes, use `roost mcp`; one is the TypeScript SDK."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from roost.fake_model import FakeModel
from roost.probe import homes
from tests.support import clis
from tests.support.daemon import Roost, cleared, shared_roost
from tests.support.real import ONE_PROCESS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PATIENCE = 120.0
MAIL = "the mail of the editor"
TOOL = {
    "claude": "mcp__roost__read_inbox",
    "codex": "mcp__roost/read_inbox",
    "gemini": "mcp_roost_read_inbox",
}
"""How each program calls our tool."""
CLIENT = """
import { pathToFileURL } from "node:url";
const [sdk, command, ...args] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${sdk}/dist/esm/client/${name}.js`).href);
const { Client } = await load("index");
const { StdioClientTransport } = await load("stdio");
const client = new Client({ name: "a test", version: "1" });
await client.connect(new StdioClientTransport({ command, args }));
const { tools } = await client.listTools();
const sent = await client.callTool({ name: "send_message", arguments: { to: "b", body: "hello" } });
const read = await client.callTool({ name: "read_inbox", arguments: {} });
const waiting = new AbortController();
const given_up = client
  .callTool({ name: "read_inbox", arguments: { wait: 50 } }, undefined, { signal: waiting.signal })
  .catch((error) => String(error));
setTimeout(() => waiting.abort("enough"), 100);
const why = await given_up;
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), sent, read, why }));
await client.close();
"""


@dataclass(frozen=True, slots=True)
class Host:
    """A roost, and the model of the programs beside it."""

    roost: Roost
    model: FakeModel

    @property
    def server(self) -> list[str]:
        """The command by which a client starts its server."""
        home = str(self.roost.home.roost)
        return [sys.executable, "-m", "roost", "mcp", "--as", "editor", "--home", home]


@pytest.fixture(scope="module")
def shared() -> Iterator[Host]:
    with shared_roost() as made, FakeModel() as model:
        yield Host(made, model)


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    with cleared(shared.roost) as made:
        made.add("editor", "human")
        made.add("b", "human")
        yield shared
        made.call("acknowledge", name="b", ids=[item["id"] for item in made.call("inbox", name="b")])


def configured(host: Host, name: str) -> tuple[homes.Seed, list[str]]:
    """Write a home that names the server; what the program needs beside it, and its words for one turn."""
    user, work = host.roost.home.user, host.roost.home.work
    seed = homes.HOMES[name](user, host.model.url, work)
    command, *args = host.server
    if name == "claude":
        path = user / ".claude.json"
        server = {"type": "stdio", "command": command, "args": args}
        path.write_text(json.dumps({**json.loads(path.read_text()), "mcpServers": {"roost": server}}))
        return seed, ["--allowedTools", "mcp__roost", "--print"]
    if name == "codex":
        with (user / ".codex/config.toml").open("a") as config:
            config.write(
                f"[mcp_servers.roost]\ncommand = {json.dumps(command)}\nargs = {json.dumps(args)}\n"
                'default_tools_approval_mode = "approve"\n'
            )
        return seed, ["exec", "--skip-git-repo-check", "--disable", "plugins"]
    path = user / ".gemini/settings.json"
    server = {"command": command, "args": args, "trust": True}
    path.write_text(json.dumps({**json.loads(path.read_text()), "mcpServers": {"roost": server}}))
    return seed, ["--prompt"]


@pytest.mark.parametrize("name", ["claude", "codex", "gemini"])
def test_17_a_program_that_starts_it_as_its_server_sends_and_reads(host: Host, name: str) -> None:
    program = clis.require(name)
    seed, words = configured(host, name)
    one = ONE_PROCESS if name == "gemini" else {}
    host.roost.send("editor", MAIL)
    # What it reads counts as read once it has the answer: it calls once more before it ends.
    prompt = f"@@tool {TOOL[name]} {{}}@@\n@@send b from {name}@@\n@@reply done here@@"
    ended = subprocess.run(
        [str(program.path), *words, prompt],
        env={**host.roost.environ, **seed.environ, **one},
        cwd=host.roost.home.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, (ended.stdout, ended.stderr)
    (mail,) = host.roost.call("inbox", name="b")
    assert (mail["from"], mail["body"]) == ("editor", f"from {name}"), (ended.stdout, ended.stderr)
    assert host.roost.call("inbox", name="editor") == []
    (read,) = host.roost.call("inbox", name="editor", all=True)
    assert (read["body"], read["read_at"] is not None) == (MAIL, True)


def test_17_the_sdk_in_typescript_lists_sends_reads_and_gives_up(host: Host) -> None:
    clis.require("claude-agent-acp")  # brings the SDK along
    sdk = clis.cache() / "node_modules/@modelcontextprotocol/sdk"
    script = host.roost.home.work / "client.mjs"
    script.write_text(CLIENT)
    host.roost.send("editor", MAIL)
    ended = subprocess.run(
        ["node", str(script), str(sdk), *host.server],
        env=host.roost.environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert set(told["tools"]) == {"send_message", "list_peers", "read_inbox"}
    assert told["read"]["structuredContent"]["result"][0]["body"] == MAIL
    assert "enough" in told["why"]
    (mail,) = host.roost.call("inbox", name="b")
    assert (mail["id"], mail["from"]) == (told["sent"]["structuredContent"]["id"], "editor")
    assert host.roost.call("inbox", name="editor") == []
