"""The life of an ASGI application. Django knows nothing of it; uvicorn ends without ``atexit``."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from unhurried.measure.reading import rest, swallow

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def live(application: Any, scope: Any, receive: Receive, send: Send) -> None:
    """Let the application live, if it hears what it is told; before its end write what waits."""
    heard = False

    async def hear() -> Message:
        nonlocal heard
        heard = True
        return await receive()

    async def say(message: Message) -> None:
        if message["type"].startswith("lifespan.shutdown."):
            await to_thread(_rest)
        await send(message)

    try:
        await application(scope, hear, say)
    except Exception:  # boundary: of the application, whose way it is to say that it knows no such
        if heard:
            raise
    if not heard:
        await _answer(receive, say)


async def _answer(receive: Receive, say: Send) -> None:
    told = ""
    while told != "lifespan.shutdown":
        told = (await receive())["type"]
        await say({"type": f"{told}.complete"})


def _rest() -> None:
    try:
        rest()
    except Exception as error:  # boundary: whatever can't be written, the server has to end
        swallow("what waits at the end", error)
