"""The signaling protocol as far as a client needs it to join, rightly or wrongly."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiortc import RTCPeerConnection
from hostile.server import Server
from hostile.websocket import ConnectionClosed, WebSocket


def make_offer() -> str:
    """A good offer: two sections to send in and a data channel."""

    async def offer() -> str:
        connection = RTCPeerConnection()
        connection.addTransceiver("audio", "sendonly")
        connection.addTransceiver("video", "sendonly")
        connection.createDataChannel("roomline")
        made = await connection.createOffer()
        await connection.setLocalDescription(made)
        sdp: str = connection.localDescription.sdp
        await connection.close()
        return sdp

    return asyncio.run(offer())


def join_frame(token: str, offer: str, **fields: Any) -> dict[str, Any]:
    """A join request."""
    frame = {"type": "join", "request": 1, "version": 1, "token": token, "offer": offer}
    return {**frame, "tracks": [], **fields}


def answer_to(server: Server, frame: str | bytes | dict[str, Any]) -> dict[str, Any]:
    """The first reply to a first frame; after a fatal error the server closes."""
    with server.signal() as socket:
        socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)
        answer: dict[str, Any] = json.loads(socket.recv(10))
        if answer.get("fatal"):
            assert_closed(socket)
        return answer


def assert_closed(socket: WebSocket) -> None:
    """The server has closed, or does so soon; what it still says does not matter."""
    try:
        while True:
            socket.recv(10)
    except ConnectionClosed:
        pass


def reply_to(socket: WebSocket, number: int) -> dict[str, Any]:
    """The reply with that number; events in between do not matter."""
    while True:
        message: dict[str, Any] = json.loads(socket.recv(10))
        if message.get("request") == number:
            return message
