"""Having the hub's server read its configuration anew, through its system account (nats-server 2.10)."""

import msgspec

from roost.host.errors import CarrierGone
from roost.host.nats.hub import ANSWER, FAULTS, Hub, words


class _Server(msgspec.Struct):
    id: str


class _Error(msgspec.Struct):
    description: str = ""


class _Reply(msgspec.Struct):
    server: _Server
    error: _Error | None = None


async def reload(system: Hub) -> None:
    """Returns once the server goes by what is written now: who is in it no more was cut off.

    Raises CarrierGone.
    """
    server = (await _asked(system, "$SYS.REQ.USER.INFO")).server
    reply = await _asked(system, f"$SYS.REQ.SERVER.{server.id}.RELOAD")
    if reply.error is not None:
        raise CarrierGone(f"the hub does not take its new configuration: {reply.error.description}")


async def _asked(system: Hub, subject: str) -> _Reply:
    client = await system.client()
    try:
        answer = await client.request(subject, b"", timeout=ANSWER)
        return msgspec.json.decode(answer.data, type=_Reply)
    except (*FAULTS, msgspec.MsgspecError) as error:
        raise CarrierGone(f"the hub does not read its configuration anew: {words(error)}") from error
