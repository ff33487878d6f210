"""HTTP connections from the engine's front door to uvicorn.

The engine ends TLS and hands over one end of a socket pair. uvicorn must see the true peer and the
scheme `https`; nothing a client says in a header changes either.
"""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Any, cast
from urllib.parse import unquote

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from roomline.api.dispatcher import Dispatcher
from roomline.engine.events import HttpConnection
from roomline.log import get as get_logger
from roomline.server.lifespan import Lifespan
from roomline.server.signal_socket import SignalSockets

REQUEST_TIMEOUT = 10.0
"""Seconds a client may take over a request, its body included."""

BODY_TIMEOUT = 30.0
"""Seconds between two pieces of a body that goes to the application behind us."""

MAX_FRAME_BYTES = 1024 * 1024
"""WebSocket frames beyond this are cut off; below, ours are answered with a typed error."""

ABSOLUTE_FORM = re.compile(
    rb"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(?P<authority>[^/?#]*)", re.IGNORECASE
)

log = get_logger("http")


class HandedTransport(asyncio.Transport):
    """A socket pair's transport that answers for the connection behind the engine."""

    def __init__(self, inner: asyncio.Transport, origin: HttpConnection) -> None:
        super().__init__()
        self.inner = inner
        self._extra_info = {
            "peername": (origin.client_ip, origin.client_port),
            "sockname": (origin.server_ip, origin.server_port),
            # uvicorn asks only whether there is one.
            "sslcontext": True,
            # Else uvicorn would ask the socket pair itself.
            "socket": None,
        }

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the connection behind the engine would answer."""
        if name in self._extra_info:
            return self._extra_info[name]
        return self.inner.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """As asyncio.Transport."""
        return self.inner.is_closing()

    def close(self) -> None:
        """As asyncio.Transport."""
        self.inner.close()

    def abort(self) -> None:
        """As asyncio.Transport."""
        self.inner.abort()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """As asyncio.Transport."""
        self.inner.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """As asyncio.Transport."""
        return self.inner.get_protocol()

    def is_reading(self) -> bool:
        """As asyncio.Transport."""
        return self.inner.is_reading()

    def pause_reading(self) -> None:
        """As asyncio.Transport."""
        self.inner.pause_reading()

    def resume_reading(self) -> None:
        """As asyncio.Transport."""
        self.inner.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As asyncio.Transport."""
        self.inner.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """As asyncio.Transport."""
        return self.inner.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As asyncio.Transport."""
        self.inner.write(data)

    def write_eof(self) -> None:
        """As asyncio.Transport."""
        self.inner.write_eof()

    def can_write_eof(self) -> bool:
        """As asyncio.Transport."""
        return self.inner.can_write_eof()


class HttpServer:
    """uvicorn without its listeners. `lifespan` is that of the application behind us."""

    def __init__(self, app: Dispatcher, lifespan: Lifespan, sockets: SignalSockets) -> None:
        self._app = app
        self._sockets = sockets
        self._lifespan = lifespan
        self._config = _config(
            app,
            ws_max_size=MAX_FRAME_BYTES,
            # Compression costs 94 KB for every idle connection, and our frames are small.
            ws_per_message_deflate=False,
            # The protocol has a heartbeat of its own.
            ws_ping_interval=None,
            ws_ping_timeout=None,
        )
        self._application_config = _config(app)
        self._state = ServerState()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Run the application's start-up. Raises ConfigError."""
        self._config.load()
        self._application_config.load()
        self._state.default_headers = self._config.encoded_headers
        await self._lifespan.startup()

    def take(self, connection: HttpConnection) -> None:
        """Serve a connection; owns its file descriptor from here on."""
        task = asyncio.get_running_loop().create_task(self._adopt(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Close every connection and run the application's shut-down."""
        for connection in list(self._state.connections):
            connection.shutdown()
        pending = [*self._state.tasks, *self._tasks]
        if pending:
            await asyncio.wait(pending, timeout=2.0)
        for task in pending:
            task.cancel()
        await self._sockets.stop()
        await self._lifespan.shutdown()

    async def _adopt(self, connection: HttpConnection) -> None:
        pair = socket.socket(fileno=connection.fd)
        pair.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: self._protocol(connection), pair)
        except OSError as error:
            log.debug("connection lost at hand-over", error=str(error))
            pair.close()

    def _protocol(self, connection: HttpConnection) -> HttpToolsProtocol:
        return HandedProtocol(
            connection,
            self._app,
            (self._config, self._application_config),
            self._state,
            self._lifespan.state,
            sockets=self._sockets,
        )


def _config(app: Dispatcher, **more: Any) -> uvicorn.Config:
    """Settings of uvicorn; `more` is for WebSockets, whose defaults are uvicorn's."""
    return uvicorn.Config(
        app,
        interface="asgi3",
        http=HttpToolsProtocol,
        ws="websockets-sansio",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        **more,
    )


class HandedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a handed-over connection, with patience that ends."""

    def __init__(
        self,
        origin: HttpConnection,
        app: Dispatcher,
        configs: tuple[uvicorn.Config, uvicorn.Config],
        state: ServerState,
        app_state: dict[str, Any],
        *,
        sockets: SignalSockets,
    ) -> None:
        """`configs` are those of our WebSockets and of the application's."""
        super().__init__(configs[0], state, app_state)
        self._origin = origin
        self._dispatcher = app
        self._sockets = sockets
        self._application_config = configs[1]
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is ours."""
        handed = HandedTransport(cast("asyncio.Transport", transport), self._origin)
        super().connection_made(handed)
        self._await_request()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._await_request()

    def on_headers_complete(self) -> None:
        """Now it is known whose request it is."""
        self._use_origin_form()
        super().on_headers_complete()
        self._await_more()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        super().on_body(body)
        self._await_more()

    def on_message_complete(self) -> None:
        """It is whole."""
        self._stop_waiting()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """It was one for a WebSocket, which has a deadline of its own for the first frame."""
        self._stop_waiting()
        if self._dispatcher.is_signaling(self._path()):
            self._open_signaling()
            return
        if not self._is_ours():
            self.config = self._application_config
        super().handle_websocket_upgrade()

    def _open_signaling(self) -> None:
        if (self.scope["method"], self.scope["http_version"]) != ("GET", "1.1"):
            self.send_400_response("A WebSocket begins with GET and HTTP/1.1 (RFC 6455).")
            return
        self.connections.discard(self)
        transport = cast("HandedTransport", self.transport).inner
        self._sockets.take(transport, self.url.decode("latin-1"), self.headers)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_TIMEOUT, self._give_up)

    def _await_more(self) -> None:
        """Ours must be whole in time; an application's body may be long, but must not stand still."""
        if not self._is_ours():
            self._stop_waiting()
            self._deadline = self.loop.call_later(BODY_TIMEOUT, self._give_up)

    def _use_origin_form(self) -> None:
        """What a target in absolute form says holds, whatever the Host field does (RFC 9112 §3.2.2)."""
        absolute = ABSOLUTE_FORM.match(self.url)
        if absolute is None:
            return
        rest = self.url[absolute.end() :]
        self.url = rest if rest.startswith(b"/") else b"/" + rest
        self.headers[:] = [(name, value) for name, value in self.headers if name != b"host"]
        self.headers.insert(0, (b"host", absolute["authority"]))

    def _is_ours(self) -> bool:
        return self._dispatcher.is_ours(self._path())

    def _path(self) -> str:
        return unquote(self.url.partition(b"?")[0].decode("ascii", "replace"))

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.flow.read_paused and not self._is_ours():
            # The application is what is slow.
            self._await_more()
        else:
            self.transport.close()
