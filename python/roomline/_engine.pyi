"""The native module: commands go down, events come up, both plain values.

No Python code runs on the media path. `Engine.fileno()` becomes readable when events wait;
`Engine.events()` takes them all.
"""

from typing import final

class EngineError(Exception):
    """The engine could not do what was asked; the message says what to do about it."""

class BindError(EngineError):
    """A listener's address could not be bound.

    `args` is `(message, listener, address, errno)`: `listener` is `https`, `turn-udp`, `turn-tcp` or `media`.
    """

@final
class EngineConfig:
    """Where the engine listens and what it tells clients. Checked by `Engine(...)`."""

    def __init__(
        self,
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
    ) -> None:
        """`addresses` are advertised in candidates, best first; `bind_addresses` are listened on
        (`["::"]` is every address of both families). One port as minimum and maximum is a shared
        media port. Ports of 0 ask the system for a free one."""

@final
class Engine:
    def __init__(self, config: EngineConfig) -> None:
        """Bind every listener, then start the threads. Raises BindError or EngineError, and then
        nothing is left running."""

    def fileno(self) -> int: ...
    def submit(self, command: Command) -> None:
        """Hand a command to the engine; never blocks. Raises EngineError after `close`."""

    def events(self) -> list[Event]: ...
    def counters(self) -> list[tuple[str, str, int]]:
        """`(name, label, value)` of every counter: totals since the start. `drops` has the
        reason as its label."""

    def gauges(self) -> list[tuple[str, str, int]]: ...
    def reload_certificate(self, certificate_pem: bytes, private_key_pem: bytes) -> None:
        """Use another certificate for new TLS connections. Raises EngineError if the two do not fit."""

    @property
    def https_port(self) -> int: ...
    @property
    def turn_port(self) -> int: ...
    def stop_accepting(self) -> None:
        """Close the listeners; connections and transports go on."""

    def close(self) -> None:
        """Stop every thread and close every socket. Idempotent."""

class Command:
    """Something to carry out. See crates/pure/sfu/src/command.rs, which this mirrors."""

    @final
    class OpenTransport(Command):
        def __new__(
            cls, request: int, transport: int, participant: int, offer: str, max_send_bitrate: int
        ) -> Command.OpenTransport: ...

    @final
    class Renegotiate(Command):
        def __new__(cls, request: int, transport: int, offer: str) -> Command.Renegotiate: ...

    @final
    class CloseTransport(Command):
        def __new__(cls, transport: int) -> Command.CloseTransport: ...

    @final
    class Publish(Command):
        def __new__(
            cls, request: int, publication: int, transport: int, mid: str, max_bitrate: int
        ) -> Command.Publish: ...

    @final
    class Unpublish(Command):
        def __new__(cls, publication: int) -> Command.Unpublish: ...

    @final
    class PausePublication(Command):
        def __new__(cls, publication: int, paused: bool) -> Command.PausePublication: ...

    @final
    class Subscribe(Command):
        def __new__(
            cls, request: int, subscription: int, publication: int, transport: int, mid: str
        ) -> Command.Subscribe: ...

    @final
    class Unsubscribe(Command):
        def __new__(cls, subscription: int) -> Command.Unsubscribe: ...

    @final
    class PauseSubscription(Command):
        def __new__(cls, subscription: int, paused: bool) -> Command.PauseSubscription: ...

    @final
    class RelayData(Command):
        def __new__(
            cls, request: int, channel: int, transport: int, label: str
        ) -> Command.RelayData: ...

    @final
    class StopRelayData(Command):
        def __new__(cls, channel: int, transport: int) -> Command.StopRelayData: ...

    @final
    class LimitTransport(Command):
        def __new__(cls, transport: int, max_send_bitrate: int) -> Command.LimitTransport: ...

@final
class Section:
    """A media section of an answered offer, from the client's side."""

    mid: str
    kind: str
    """`audio`, `video` or `data`."""
    sends: bool
    receives: bool

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

class Event:
    """A fact. See crates/pure/sfu/src/event.rs, which this mirrors."""

    @final
    class Answered(Event):
        request: int
        transport: int
        answer: str
        sections: list[Section]

    @final
    class Done(Event):
        request: int

    @final
    class Failed(Event):
        request: int
        code: str
        message: str

    @final
    class TransportConnected(Event):
        transport: int
        dtls_version: str
        srtp_profile: str

    @final
    class PathChanged(Event):
        transport: int
        path: Path

    @final
    class TransportClosed(Event):
        transport: int
        reason: str

    @final
    class DataChannelOpened(Event):
        transport: int
        participant: int
        channel: int
        label: str
        protocol: str
        ordered: bool
        max_retransmits: int | None
        max_packet_life_time: int | None

    @final
    class DataChannelClosed(Event):
        channel: int

    @final
    class PublicationStarted(Event):
        publication: int
        codec: str

    @final
    class SubscriptionPaused(Event):
        subscription: int
        paused: bool

    @final
    class TransportStats(Event):
        transport: int
        stats: Stats

    @final
    class HttpConnection(Event):
        """An HTTP connection whose TLS the engine terminates: `fd` is one end of a socket pair that
        carries the plain bytes, and the receiver owns it."""

        fd: int
        client_ip: str
        client_port: int
        server_ip: str
        server_port: int
