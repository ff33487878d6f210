"""JSON over WebSocket: the first dialect of the session core. Sans-IO.

One `JsonConnection` is one WebSocket: feed it frames, drain it with `take_output`.
"""

from __future__ import annotations

from typing import NamedTuple

from roomline.clock import Moment
from roomline.errors import BadMessage, Internal, RateLimited, SignalingError
from roomline.log import get as get_logger
from roomline.protocol import (
    DataRequest,
    DecodeError,
    ErrorReply,
    Event,
    EventEncoder,
    JoinRequest,
    Request,
    ResumeRequest,
    decode_request,
    encode,
)
from roomline.protocol.values import Wire
from roomline.signaling.core import CLOSE_FATAL, Core
from roomline.signaling.rate_limit import RateLimit
from roomline.signaling.session import Session

MAX_PENDING_BYTES = 8 * 1024 * 1024
"""A client that reads slower than this much is cut off; it may resume."""

MAX_VIOLATIONS = 1000
"""Requests over the limit, after which a client is cut off."""

CLOSE_SILENT = 4001
CLOSE_SLOW = 4002

log = get_logger("signaling")


class Close(NamedTuple):
    """A WebSocket close code (RFC 6455 §7.4) and a word for people."""

    code: int
    reason: str


class JsonConnection:
    """One client's WebSocket."""

    def __init__(self, core: Core, now: Moment, encoder: EventEncoder | None = None) -> None:
        """`encoder` is shared by the connections of a core."""
        self._encoder = encoder or EventEncoder()
        self.session: Session | None = None
        self._core = core
        self._pending: list[str] = []
        self._pending_bytes = 0
        self._close: Close | None = None
        self._heard = now.monotonic
        self._opened = now.monotonic
        config = core.config
        self._requests = RateLimit(config.requests_per_second, now.monotonic)
        self._data = RateLimit(config.data_per_second, now.monotonic)
        self._frames = RateLimit(config.requests_per_second + config.data_per_second, now.monotonic)
        self._violations = 0
        core.open_channel(self)

    # Facts in.

    def receive_text(self, frame: str, now: Moment) -> None:
        """A text frame came."""
        if self._close is not None:
            return
        self._heard = now.monotonic
        if not self._frames.allow(now.monotonic):
            self._limit(None)
            return
        request: Request | None = None
        try:
            request = decode_request(frame)
            self._receive(request, now)
        except DecodeError as error:
            self._fail(None, BadMessage(str(error)), now)
        except SignalingError as error:
            self._fail(request, error, now)
        except Exception:
            log.exception("frame not handled", type=type(request).__name__)
            self._core.count("internal_errors")
            self._fail(request, Internal("a fault of the server, see its log"), now)

    def receive_binary(self, now: Moment) -> None:
        """A binary frame came: the protocol has none."""
        if self._close is None:
            self._fail(None, BadMessage("binary frames are not part of the protocol"), now)

    def receive_closed(self, now: Moment) -> None:
        """The WebSocket is gone."""
        self._close = self._close or Close(1000, "closed by the client")
        self._core.close_channel(self, self.session, now)

    def handle_timeout(self, now: Moment) -> None:
        """Time has passed: look whether the client is late."""
        if self._close is not None:
            return
        config = self._core.config
        if not self._in_session():
            if now.monotonic - self._opened >= config.first_frame_timeout:
                self._fail(None, BadMessage("join or resume must come first, within 10 s"), now)
            return
        # Should this session not come about after a long wait, there is time for another.
        self._opened = now.monotonic
        if now.monotonic - self._heard >= config.heartbeat_timeout:
            self.finish(CLOSE_SILENT, "nothing heard from the client")
            self._core.close_channel(self, self.session, now)

    # What the core says.

    def deliver(self, message: Wire) -> None:
        """A reply for the client."""
        if self._close is None:
            self._send(encode(message))

    def deliver_event(self, event: Event, seq: int) -> None:
        """An event for the client and others, and its number for this one."""
        if self._close is None:
            self._send(self._encoder.encode(event, seq))

    def _send(self, text: str) -> None:
        self._pending.append(text)
        self._pending_bytes += len(text)
        if self._pending_bytes > MAX_PENDING_BYTES:
            self._pending.clear()
            self.finish(CLOSE_SLOW, "the client reads too slowly")
        self._core.touch(self)

    def reject(self, request: int | None, error: SignalingError, *, fatal: bool) -> None:
        """Tell an error; after a fatal one the connection closes."""
        self.deliver(
            ErrorReply.model_validate(
                {"request": request, "code": error.code, "message": str(error), "fatal": fatal}
            )
        )
        if fatal:
            self.finish(CLOSE_FATAL, error.code)

    def finish(self, code: int, reason: str) -> None:
        """Close once everything delivered has been sent."""
        if self._close is None:
            self._close = Close(code, reason)
            self._core.touch(self)

    # Consequences out.

    @property
    def is_closing(self) -> bool:
        """Whether it is to be closed once its frames have been sent."""
        return self._close is not None

    def take_output(self) -> tuple[list[str], Close | None]:
        """Frames to send, in order, and then whether to close."""
        frames, self._pending, self._pending_bytes = self._pending, [], 0
        return frames, self._close

    def _receive(self, request: Request, now: Moment) -> None:
        limit = self._data if isinstance(request, DataRequest) else self._requests
        if not limit.allow(now.monotonic):
            self._limit(request)
        elif self._in_session() and self.session is not None:
            self._core.handle_request(self.session, request, now)
        elif isinstance(request, JoinRequest):
            self._opened = now.monotonic
            self.session = self._core.join(self, request, now)
        elif isinstance(request, ResumeRequest):
            self.session = self._core.resume(self, request, now)
        else:
            raise BadMessage("join or resume must come first")

    def _in_session(self) -> bool:
        return self.session is not None and not self.session.ended

    def _limit(self, request: Request | None) -> None:
        self._violations += 1
        self._core.count("errors", RateLimited.code)
        self.reject(
            request.request if request else None,
            RateLimited("too many requests: slow down"),
            fatal=self._violations >= MAX_VIOLATIONS,
        )

    def _fail(self, request: Request | None, error: SignalingError, now: Moment) -> None:
        """Something is wrong with a frame itself, or with joining."""
        fatal = error.fatal_at_join
        self.reject(request.request if request else None, error, fatal=fatal)
        if not fatal:
            self._core.count("errors", error.code)
            self._opened = now.monotonic
        elif self.session is not None and not self.session.ended:
            self._core.fail(self.session, error, now)
        else:
            self._core.count("errors", error.code)
