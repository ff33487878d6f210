"""One WebSocket: frames to the dialect, frames from it."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import WebSocket, WebSocketDisconnect

from roomline.api.hub import Hub
from roomline.api.passing import Link, Passing, relay
from roomline.signaling import JsonConnection


async def serve(websocket: WebSocket, hub: Hub, passing: Passing | None = None) -> None:
    """Serve a client until either side closes. `passing` knows processes that drain."""
    await websocket.accept()
    wake = asyncio.Event()
    connection = hub.connect(wake.set)
    writer = asyncio.create_task(_write(websocket, connection, wake))
    reader = asyncio.create_task(_read(websocket, connection, hub, passing))
    link: Link | None = None
    try:
        await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.disconnect(connection)
        for task in (reader, writer):
            task.cancel()
        read, _ = await asyncio.gather(reader, writer, return_exceptions=True)
        link = read if isinstance(read, Link) else None
    if link is not None:
        await relay(websocket, link)


async def _read(
    websocket: WebSocket, connection: JsonConnection, hub: Hub, passing: Passing | None
) -> Link | None:
    """Returns a link to the process whose client this is, if it is not ours."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            if message.get("code") in {1007, 1009}:
                hub.core.count("frames_refused", str(message["code"]))
            return None
        text = message.get("text")
        if passing is not None and text is not None and connection.session is None:
            link = await passing.find(text, hub)
            if link is not None:
                return link
        if text is None:
            connection.receive_binary(hub.now())
        else:
            connection.receive_text(text, hub.now())
        hub.settle()


async def _write(websocket: WebSocket, connection: JsonConnection, wake: asyncio.Event) -> None:
    # A client that went away makes sending fail; the reader tells the core of it.
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        while True:
            await wake.wait()
            wake.clear()
            frames, close = connection.take_output()
            for frame in frames:
                await websocket.send_text(frame)
            if close is not None:
                await websocket.close(close.code, close.reason)
                return
