"""A whole server in one object."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from ipaddress import IPv4Address
from urllib.parse import quote

from fastapi import FastAPI
from starlette.types import ASGIApp

from roomline.api import ApiConfig, Dispatcher, Hub, Passing, create_app
from roomline.clock import Clock, SystemClock
from roomline.config import Settings, load
from roomline.engine import EngineOptions, MediaEngine
from roomline.engine.events import HttpConnection
from roomline.errors import EngineFailure
from roomline.ids import Names
from roomline.log import get as get_logger
from roomline.server.addresses import Address, discover, has_ipv6
from roomline.server.certificate import CertificateSource, watch
from roomline.server.handover import MAX_FRAME_BYTES, HttpServer
from roomline.server.hosting import HOST
from roomline.server.lifespan import Lifespan
from roomline.server.signal_socket import SignalSockets
from roomline.signaling import Core, SignalingConfig, TurnAddress
from roomline.state import State
from roomline.tokens import RoomLimits, invite_token

MakeEngine = Callable[[EngineOptions], MediaEngine]

INVITE_LIFETIME = timedelta(hours=24)
DRAIN_INTERVAL = 0.2
FLUSH_TIMEOUT = 1.0
TURN_TLS_PORT = 5349
"""IANA's for TURN over TLS (RFC 8656 §18.6): for a server that does not own 443."""

log = get_logger("server")


class Server:
    """Everything `roomline serve` runs.

    `app` is its FastAPI application: add routes before `start`. `application` is an ASGI
    application behind it, which gets every path that is not ours. A server that is `mounted` leaves
    HTTP to somebody else: its port for HTTPS carries TURN over TLS alone. Raises ConfigError when a
    setting, the state folder or a certificate cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        application: ASGIApp | None = None,
        mounted: bool = False,
        make_engine: MakeEngine | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings or load()
        self.application = application
        self.mounted = mounted
        self.clock = clock or SystemClock()
        self.state = State(self.settings.state_dir)
        self.host = self.settings.host or _default_host(dev=self.settings.dev)
        self.addresses: list[Address] = _addresses(self.settings)
        self.certificate = CertificateSource(
            self.settings.tls, self.state, self._certificate_names(), self.clock
        )
        self._pair = self.certificate.load()
        self.engine = (make_engine or _native_engine)(self._engine_options())
        self.hub = Hub(self._core(), self.engine, self.clock)
        self._passing = Passing(self.state.folder)
        self.app: FastAPI = create_app(self.hub, ApiConfig(self._api_keys(), passing=self._passing))
        self._http = HttpServer(
            Dispatcher(self.app, application, self.settings.prefix),
            Lifespan(application),
            SignalSockets(self.hub, self._passing, MAX_FRAME_BYTES),
        )
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """Where clients find the server."""
        port = self.engine.https_port
        host = self.host if port == 443 else f"{self.host}:{port}"
        return f"https://{host}{self.settings.prefix}"

    def invite(self, room: str) -> str:
        """A link that lets whoever opens it into a room, for a day."""
        return self.url + self.invite_path(room)

    def invite_path(self, room: str) -> str:
        """What follows the URL in such a link."""
        key = self.state.api_key()
        token = invite_token(
            key.key, key.secret, room, ttl=INVITE_LIFETIME, now=self.clock.now().unix
        )
        return f"/meet/{quote(room, safe='')}?invite={token}"

    async def start(self) -> None:
        """Begin to serve. Raises ConfigError when the application behind does not start."""
        hosting = HOST.set(self)
        try:
            await self._http.start()
        finally:
            HOST.reset(hosting)
        self.hub.start(_refuse if self.mounted else self._http.take)
        self._tasks.append(asyncio.create_task(watch(self.certificate, self.engine, self._pair)))
        log.info("serving", https_port=self.engine.https_port, turn_port=self.engine.turn_port)

    async def drain(self) -> None:
        """Take no new joins, wait until everybody has left or time is up, and stop.

        The ports are free for another server as soon as this has begun.
        """
        now = self.clock.now()
        patience = self.settings.drain_seconds
        log.info("draining", seconds=patience)
        try:
            self.hub.core.drain(now.unix_ms + int(patience * 1000), now)
            self.hub.settle()
            async with self._passing_on(), asyncio.timeout(patience):
                await self._release_ports()
                await self._wait_for_the_last()
        except TimeoutError:
            log.info("drained: time is up", participants=self.hub.core.lingering())
        finally:
            self.stop()

    @contextlib.asynccontextmanager
    async def _passing_on(self) -> AsyncIterator[None]:
        """Take back who comes to the next process; a state folder that is full is no obstacle."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._passing.listen(self.hub))
            except OSError as error:
                log.warning(
                    "the next process cannot pass on to us who comes back", error=str(error)
                )
            yield

    async def _release_ports(self) -> None:
        try:
            clients = await asyncio.to_thread(self.engine.release_ports)
            log.info("ports free", udp_clients=clients)
        except EngineFailure as error:
            log.warning("ports not free: no other server can start yet", error=str(error))

    async def _wait_for_the_last(self) -> None:
        told = 0
        while (left := self.hub.core.lingering()) and not self._stopped.is_set():
            if left != told:
                told = left
                log.info("waiting for calls to end", participants=left)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), DRAIN_INTERVAL)

    def stop(self) -> None:
        """Make `run` end at once."""
        self._stopped.set()

    async def close(self) -> None:
        """End every session, close every socket. Idempotent."""
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                log.error("a task failed", exc_info=ended)
        self._tasks.clear()
        try:
            await asyncio.to_thread(self.engine.stop_accepting)
        except EngineFailure as error:
            log.warning("listeners not closed yet", error=str(error))
        self.hub.core.stop(self.clock.now())
        self.hub.settle()
        await self.hub.flush(FLUSH_TIMEOUT)
        await self.hub.detach()
        await self._http.stop()
        self.hub.close()
        self.engine.close()

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until a signal: the first drains, the second stops at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._handle_signal)
        try:
            await self.start()
            if ready is not None:
                ready()
            await self._stopped.wait()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            await self.close()

    def _handle_signal(self) -> None:
        if self.hub.core.draining_until is None:
            self._tasks.append(asyncio.create_task(self.drain()))
        else:
            self.stop()

    def _core(self) -> Core:
        limits = self.settings.limits
        now = self.clock.now()
        return Core(
            SignalingConfig(
                api_keys=self._api_keys(),
                turn_secret=self.state.turn_secret(),
                turn=TurnAddress(
                    name=self.host,
                    hosts=_one_of_each_family(self.addresses),
                    port=self.engine.turn_port,
                    tls_port=self.engine.https_port,
                ),
                room_limits=RoomLimits(
                    max_participants=limits.max_participants,
                    max_publishers=limits.max_publishers,
                    max_bitrate=limits.max_bitrate,
                ),
            ),
            Names.since(now.unix),
            now,
        )

    def _tls_port(self) -> int:
        """Where TURN over TLS is, and HTTPS unless somebody else has it."""
        https = self.settings.https
        taken = self.mounted and "port" not in https.model_fields_set
        return TURN_TLS_PORT if taken else https.port

    def _api_keys(self) -> dict[str, str]:
        key = self.state.api_key()
        return {key.key: key.secret}

    def _certificate_names(self) -> list[str]:
        addresses = [str(address) for address in self.addresses]
        return [self.host, "localhost", "127.0.0.1", "::1", *addresses]

    def _engine_options(self) -> EngineOptions:
        settings = self.settings
        bind = [str(address) for address in settings.bind]
        return EngineOptions(
            addresses=[str(address) for address in self.addresses],
            bind_addresses=bind or (["::"] if has_ipv6() else ["0.0.0.0"]),  # noqa: S104
            media_port_min=settings.media.ports.first,
            media_port_max=settings.media.ports.last,
            https_port=self._tls_port(),
            turn_port=settings.turn.port,
            realm=self.host,
            turn_secret=self.state.turn_secret(),
            certificate_pem=self._pair.certificate,
            private_key_pem=self._pair.key,
            max_allocations_per_participant=settings.limits.allocations_per_participant,
            max_connections_per_address=settings.limits.connections_per_address,
        )


async def serve(settings: Settings | None = None) -> None:
    """Run a server until a signal ends it."""
    await Server(settings).run()


def _refuse(connection: HttpConnection) -> None:
    """HTTP on a port that carries TURN alone."""
    socket.socket(fileno=connection.fd).close()


def _native_engine(options: EngineOptions) -> MediaEngine:
    from roomline.engine.native import NativeEngine  # noqa: PLC0415 - only where it is used

    return NativeEngine(options)


def _addresses(settings: Settings) -> list[Address]:
    return settings.public_ip or settings.media.addresses or discover()


def _one_of_each_family(addresses: list[Address]) -> tuple[str, ...]:
    first = {address.version: str(address) for address in reversed(addresses)}
    return tuple(str(a) for a in addresses if first[a.version] == str(a))


def _default_host(*, dev: bool) -> str:
    """A DNS name for this machine: `turns:` URLs carry no address."""
    if dev:
        return "localhost"
    name = socket.getfqdn().rstrip(".").lower()
    try:
        IPv4Address(name)
    except ValueError:
        return name if name and ":" not in name and not name.endswith(".arpa") else "localhost"
    return "localhost"
