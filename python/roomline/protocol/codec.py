"""JSON text to messages and back, with the size limit."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from roomline.protocol.events import Event, ServerEvent
from roomline.protocol.replies import ServerReply
from roomline.protocol.requests import ClientRequest, Request
from roomline.protocol.values import Wire

MAX_FRAME_BYTES = 256 * 1024
"""Longest frame either side may send."""

_REQUEST: TypeAdapter[Request] = TypeAdapter(ClientRequest)
_SERVER: TypeAdapter[Wire] = TypeAdapter(ServerReply | ServerEvent)


NUMBER = {"seq"}


class DecodeError(ValueError):
    """A frame that is not a message. The text says why in words fit for the other side."""


def decode_request(frame: str) -> Request:
    """A client's frame as a request.

    Raises DecodeError if it is too large, not JSON, or not a request.
    """
    if len(frame) > MAX_FRAME_BYTES or _utf8_length(frame) > MAX_FRAME_BYTES:
        raise DecodeError(f"the frame is larger than {MAX_FRAME_BYTES} bytes")
    try:
        return _REQUEST.validate_json(frame)
    except ValidationError as error:
        raise DecodeError(_explain(error)) from None
    except (UnicodeEncodeError, RecursionError):
        raise DecodeError("the frame is not valid JSON") from None


def decode_server_message(frame: str) -> Event | Wire:
    """A server's frame as a reply or an event, for clients. Raises DecodeError."""
    try:
        return _SERVER.validate_json(frame)
    except ValidationError as error:
        raise DecodeError(_explain(error)) from None


def encode(message: Wire) -> str:
    """A message as compact JSON."""
    return message.model_dump_json(by_alias=True)


class EventEncoder:
    """Makes JSON of events, once for all who are told the same one after the other."""

    def __init__(self) -> None:
        self._event: Event | None = None
        self._rest = ""

    def encode(self, event: Event, seq: int) -> str:
        """An event with its number as compact JSON."""
        if event is not self._event:
            self._event = event
            self._rest = event.model_dump_json(by_alias=True, exclude=NUMBER)[1:]
        return f'{{"seq":{seq},{self._rest}'


def _utf8_length(frame: str) -> int:
    return len(frame) if frame.isascii() else len(frame.encode("utf-8", "surrogatepass"))


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
