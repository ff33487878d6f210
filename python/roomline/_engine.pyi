"""The native module: commands go down, events come up, both plain values.

No Python code runs on the media path. `Engine.fileno()` becomes readable when events wait;
`Engine.events()` takes them all.
"""

from typing import Self, final

from typing_extensions import disjoint_base

__all__ = [
    "BindError",
    "Command",
    "Engine",
    "EngineConfig",
    "EngineError",
    "Event",
    "Path",
    "Section",
    "Stats",
    "log_records",
    "start_logging",
]

def start_logging(level: str) -> int:
    """Keep what the engines of this process log at `level` (`error`, `warn`, `info`, `debug`) or
    worse, a bounded number each second. Returns a file descriptor that is readable while records
    wait. A later call changes the level."""

def log_records() -> list[tuple[str, str, str]]:
    """Take the records that wait: level in capitals, module, message."""

class EngineError(Exception):
    """The engine could not do what was asked; the message says what to do about it."""

class BindError(EngineError):
    """A listener's address could not be bound.

    `args` is `(message, listener, address, errno)`: `listener` is `https`, `turn-udp`, `turn-tcp` or `media`.
    """

@final
class EngineConfig:
    """Where the engine listens and what it tells clients. Checked by `Engine(...)`."""

    def __new__(
        cls,
        *,
        addresses: list[str],
        bind_addresses: list[str],
        media_port_min: int,
        media_port_max: int,
        https_port: int,
        turn_port: int,
        realm: str,
        turn_secret: bytes,
        certificate_pem: bytes,
        private_key_pem: bytes,
        max_allocations_per_participant: int = 12,
        max_connections_per_address: int = 256,
        stats_interval_ms: int = 2000,
    ) -> Self:
        """`addresses` are advertised in candidates, best first; `bind_addresses` are listened on
        (`["::"]` is every address of both families). One port as minimum and maximum is a shared
        media port. Ports of 0 ask the system for a free one."""

@final
class Engine:
    def __new__(cls, config: EngineConfig) -> Self:
        """Bind every listener, then start the threads. Raises BindError or EngineError, and then
        nothing is left running."""

    def fileno(self) -> int: ...
    def submit(self, command: Command) -> None:
        """Hand a command to the engine; never blocks. Raises EngineError after `close`."""

    def submit_all(self, commands: list[Command]) -> None:
        """Hand commands to the engine, in their order; never blocks. Raises EngineError as `submit`."""

    def events(self) -> list[Event]:
        """Every event that waits; never blocks. Raises EngineError if the media thread ended by a
        fault, once the events from before are taken."""

    def counters(self) -> list[tuple[str, str, int]]:
        """`(name, label, value)` of every counter: totals since the start. `drops` has the
        reason as its label. Empty after `close`."""

    def gauges(self) -> list[tuple[str, str, int]]: ...
    def reload_certificate(self, certificate_pem: bytes, private_key_pem: bytes) -> None:
        """Use another certificate for new TLS connections. Raises EngineError if the two do not fit."""

    @property
    def https_port(self) -> int: ...
    @property
    def turn_port(self) -> int: ...
    def stop_accepting(self) -> None:
        """Close the TCP listeners; connections, transports and UDP go on. Blocks for up to a second;
        raises EngineError if they may still be open."""

    def release_ports(self) -> int:
        """Free the ports of the listeners, and the media port if there is only one. Who uses them
        goes on; returns how many clients there are on UDP. Raises EngineError."""

    def close(self) -> None:
        """Close every transport, stop every thread and close every socket, and HTTP connections that
        were not taken. Idempotent. `fileno()` stays open until the engine is collected."""

@disjoint_base
class Command:
    """Something to carry out. See crates/pure/sfu/src/command.rs, which this mirrors."""

    @final
    class OpenTransport(Command):
        __match_args__ = ("request", "transport", "participant", "offer", "max_send_bitrate")
        request: int
        transport: int
        participant: int
        offer: str
        max_send_bitrate: int
        def __new__(
            cls, request: int, transport: int, participant: int, offer: str, max_send_bitrate: int
        ) -> Self: ...

    @final
    class Renegotiate(Command):
        __match_args__ = ("request", "transport", "offer")
        request: int
        transport: int
        offer: str
        def __new__(cls, request: int, transport: int, offer: str) -> Self: ...

    @final
    class CloseTransport(Command):
        __match_args__ = ("transport",)
        transport: int
        def __new__(cls, transport: int) -> Self: ...

    @final
    class Publish(Command):
        __match_args__ = ("request", "publication", "transport", "mid", "max_bitrate")
        request: int
        publication: int
        transport: int
        mid: str
        max_bitrate: int
        def __new__(
            cls, request: int, publication: int, transport: int, mid: str, max_bitrate: int
        ) -> Self: ...

    @final
    class MovePublication(Command):
        __match_args__ = ("request", "publication", "transport", "mid")
        request: int
        publication: int
        transport: int
        mid: str
        def __new__(cls, request: int, publication: int, transport: int, mid: str) -> Self: ...

    @final
    class Unpublish(Command):
        __match_args__ = ("publication",)
        publication: int
        def __new__(cls, publication: int) -> Self: ...

    @final
    class PausePublication(Command):
        __match_args__ = ("publication", "paused")
        publication: int
        paused: bool
        def __new__(cls, publication: int, paused: bool) -> Self: ...

    @final
    class Subscribe(Command):
        __match_args__ = ("request", "subscription", "publication", "transport", "mid")
        request: int
        subscription: int
        publication: int
        transport: int
        mid: str
        def __new__(
            cls, request: int, subscription: int, publication: int, transport: int, mid: str
        ) -> Self: ...

    @final
    class Unsubscribe(Command):
        __match_args__ = ("subscription",)
        subscription: int
        def __new__(cls, subscription: int) -> Self: ...

    @final
    class PauseSubscription(Command):
        __match_args__ = ("subscription", "paused")
        subscription: int
        paused: bool
        def __new__(cls, subscription: int, paused: bool) -> Self: ...

    @final
    class RelayData(Command):
        __match_args__ = ("request", "channel", "transport", "label")
        request: int
        channel: int
        transport: int
        label: str
        def __new__(cls, request: int, channel: int, transport: int, label: str) -> Self: ...

    @final
    class StopRelayData(Command):
        __match_args__ = ("channel", "transport")
        channel: int
        transport: int
        def __new__(cls, channel: int, transport: int) -> Self: ...

    @final
    class LimitPublication(Command):
        __match_args__ = ("publication", "max_bitrate")
        publication: int
        max_bitrate: int
        def __new__(cls, publication: int, max_bitrate: int) -> Self: ...

    @final
    class LimitTransport(Command):
        __match_args__ = ("transport", "max_send_bitrate")
        transport: int
        max_send_bitrate: int
        def __new__(cls, transport: int, max_send_bitrate: int) -> Self: ...

@final
class Section:
    """A media section of an answered offer, from the client's side."""

    mid: str
    kind: str
    """`audio`, `video` or `data`."""
    sends: bool
    receives: bool
    def __new__(
        cls,
        mid: str,
        kind: str,
        sends: bool,
        receives: bool,
    ) -> Self: ...

@final
class Path:
    """The pair that carries the media of a transport."""

    tier: str
    """`direct`, `turn-udp`, `turn-tcp` or `turn-tls`."""
    server_port: int
    client_ip: str
    client_port: int
    relayed_ip: str | None
    relayed_port: int | None
    def __new__(
        cls,
        tier: str,
        server_port: int,
        client_ip: str,
        client_port: int,
        relayed_ip: str | None = None,
        relayed_port: int | None = None,
    ) -> Self: ...

@final
class Stats:
    """Totals of one transport since it was opened."""

    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    packets_lost: int
    retransmissions: int
    rtt_ms: float | None
    fraction_lost: float
    path_rtt_ms: float | None
    def __new__(
        cls,
        packets_received: int = 0,
        bytes_received: int = 0,
        packets_sent: int = 0,
        bytes_sent: int = 0,
        packets_lost: int = 0,
        retransmissions: int = 0,
        rtt_ms: float | None = None,
        fraction_lost: float = 0.0,
        path_rtt_ms: float | None = None,
    ) -> Self: ...

@disjoint_base
class Event:
    """A fact. See crates/pure/sfu/src/event.rs, which this mirrors."""

    @final
    class Answered(Event):
        __match_args__ = ("request", "transport", "answer", "sections")
        request: int
        transport: int
        answer: str
        sections: list[Section]
        def __new__(
            cls, request: int, transport: int, answer: str, sections: list[Section]
        ) -> Self: ...

    @final
    class Done(Event):
        __match_args__ = ("request",)
        request: int
        def __new__(cls, request: int) -> Self: ...

    @final
    class Failed(Event):
        __match_args__ = ("request", "code", "message")
        request: int
        code: str
        message: str
        def __new__(cls, request: int, code: str, message: str) -> Self: ...

    @final
    class TransportConnected(Event):
        __match_args__ = ("transport", "dtls_version", "srtp_profile")
        transport: int
        dtls_version: str
        srtp_profile: str
        def __new__(cls, transport: int, dtls_version: str, srtp_profile: str) -> Self: ...

    @final
    class PathChanged(Event):
        __match_args__ = ("transport", "path")
        transport: int
        path: Path
        def __new__(cls, transport: int, path: Path) -> Self: ...

    @final
    class TransportSilent(Event):
        __match_args__ = ("transport", "silent", "silence_ms")
        transport: int
        silent: bool
        silence_ms: int
        def __new__(cls, transport: int, silent: bool, silence_ms: int) -> Self: ...

    @final
    class TransportClosed(Event):
        __match_args__ = ("transport", "reason")
        transport: int
        reason: str
        def __new__(cls, transport: int, reason: str) -> Self: ...

    @final
    class DataChannelOpened(Event):
        __match_args__ = (
            "transport",
            "participant",
            "channel",
            "label",
            "protocol",
            "ordered",
            "max_retransmits",
            "max_packet_life_time",
        )
        transport: int
        participant: int
        channel: int
        label: str
        protocol: str
        ordered: bool
        max_retransmits: int | None
        max_packet_life_time: int | None
        def __new__(
            cls,
            transport: int,
            participant: int,
            channel: int,
            label: str,
            protocol: str,
            ordered: bool,
            max_retransmits: int | None,
            max_packet_life_time: int | None,
        ) -> Self: ...

    @final
    class DataChannelClosed(Event):
        __match_args__ = ("channel",)
        channel: int
        def __new__(cls, channel: int) -> Self: ...

    @final
    class PublicationStarted(Event):
        __match_args__ = ("publication", "codec")
        publication: int
        codec: str
        def __new__(cls, publication: int, codec: str) -> Self: ...

    @final
    class SubscriptionPaused(Event):
        __match_args__ = ("subscription", "paused")
        subscription: int
        paused: bool
        def __new__(cls, subscription: int, paused: bool) -> Self: ...

    @final
    class TransportStats(Event):
        __match_args__ = ("transport", "stats")
        transport: int
        stats: Stats
        def __new__(cls, transport: int, stats: Stats) -> Self: ...

    @final
    class HttpConnection(Event):
        """An HTTP connection whose TLS the engine terminates: `fd` is one end of a socket pair that
        carries the plain bytes, and the receiver owns it."""

        __match_args__ = ("fd", "client_ip", "client_port", "server_ip", "server_port")
        fd: int
        client_ip: str
        client_port: int
        server_ip: str
        server_port: int
        def __new__(
            cls, fd: int, client_ip: str, client_port: int, server_ip: str, server_port: int
        ) -> Self: ...
