"""The native module from Python's side: values, start, events, errors, end."""

import contextlib
import os
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from roomline._engine import (
    BindError,
    Command,
    Engine,
    EngineConfig,
    EngineError,
    Event,
    Path,
    Section,
    Stats,
)
from roomline.certificates import make_ca, make_leaf

CA = make_ca(time.time())
LEAF = make_leaf(CA, ["localhost"], time.time())


def make_config(**changes: Any) -> EngineConfig:
    settings: dict[str, Any] = {
        "addresses": ["127.0.0.1"],
        "bind_addresses": ["127.0.0.1"],
        "media_port_min": 0,
        "media_port_max": 0,
        "https_port": 0,
        "turn_port": 0,
        "realm": "r",
        "turn_secret": b"0123456789abcdef",
        "certificate_pem": LEAF.certificate,
        "private_key_pem": LEAF.key,
    }
    return EngineConfig(**(settings | changes))


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(make_config())
    yield engine
    engine.close()


def wait_for_events(engine: Engine) -> list[Event]:
    with selectors.DefaultSelector() as selector:
        selector.register(engine.fileno(), selectors.EVENT_READ)
        assert selector.select(5), "no event came"
    return engine.events()


def test_values_are_plain() -> None:
    failed = Event.Failed(7, "bad-offer", "not SDP")
    match failed:
        case Event.Failed(request=request, code=code):
            assert (request, code) == (7, "bad-offer")
        case _:
            pytest.fail("the pattern does not match")
    assert isinstance(failed, Event)
    assert failed == Event.Failed(7, "bad-offer", "not SDP")
    others: list[Event] = [Event.Done(7), Event.Failed(7, "bad-offer", "")]
    assert failed not in others
    sections = [Section("0", "audio", True, False)]
    assert Event.Answered(1, 2, "v=0", sections).sections == sections
    path = Path("turn-udp", 3478, "192.0.2.1", 5000, "198.51.100.1", 1024)
    assert Event.PathChanged(1, path).path.relayed_port == 1024
    assert Stats(rtt_ms=12.5).rtt_ms == 12.5
    assert Command.Subscribe(1, 2, 3, 4, "0").mid == "0"
    with pytest.raises(OverflowError):
        Command.CloseTransport(-1)


def test_it_starts_on_free_ports(engine: Engine) -> None:
    assert engine.https_port > 0
    assert engine.turn_port > 0
    assert engine.events() == []
    assert {type(value) for _, _, value in engine.gauges()} == {int}
    assert any(name == "drops" and label for name, label, _ in engine.counters())


def test_a_bad_offer_is_refused(engine: Engine) -> None:
    engine.submit(Command.OpenTransport(1, 2, 3, "not an offer", 0))
    (event,) = wait_for_events(engine)
    assert isinstance(event, Event.Failed)
    assert (event.request, event.code) == (1, "bad-offer")
    assert event.message
    assert engine.events() == []


def test_commands_that_come_together_are_carried_out_in_order(engine: Engine) -> None:
    numbers = list(range(1, 20))
    engine.submit_all([Command.OpenTransport(n, n, n, "not an offer", 0) for n in numbers])
    told: list[int] = []
    while len(told) < len(numbers):
        told += [e.request for e in wait_for_events(engine) if isinstance(e, Event.Failed)]
    assert told == numbers


def other_end(connection: socket.socket) -> socket.socket:
    """A copy of the socket in this process that a connection leads to."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - one may be gone by now
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            copy = socket.fromfd(int(name), socket.AF_INET, socket.SOCK_STREAM)
            stack.callback(copy.close)
            if copy.getpeername()[1] == connection.getsockname()[1]:
                stack.pop_all()
                return copy
    raise AssertionError("no socket of this process has that peer")


def test_answers_do_not_wait_for_acknowledgements(engine: Engine) -> None:
    context = ssl.create_default_context(cadata=CA.certificate.decode())
    with (
        socket.create_connection(("127.0.0.1", engine.https_port), timeout=5) as tcp,
        context.wrap_socket(tcp, server_hostname="localhost") as client,
        other_end(client) as server,
    ):
        assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_an_http_connection_comes_with_its_addresses(engine: Engine) -> None:
    context = ssl.create_default_context(cadata=CA.certificate.decode())
    with (
        socket.create_connection(("127.0.0.1", engine.https_port), timeout=5) as tcp,
        context.wrap_socket(tcp, server_hostname="localhost") as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        (event,) = wait_for_events(engine)
        assert isinstance(event, Event.HttpConnection)
        assert (event.client_ip, event.client_port) == client.getsockname()
        assert (event.server_ip, event.server_port) == ("127.0.0.1", engine.https_port)
        with socket.socket(fileno=event.fd) as server:
            server.settimeout(5)
            assert server.recv(1000).startswith(b"GET / HTTP/1.1\r\n")
            server.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 204")


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(BindError) as caught:
            Engine(make_config(https_port=port))
    message, listener, address, errno = caught.value.args
    assert (listener, address, errno) == ("https", f"127.0.0.1:{port}", 98)
    assert "https" in message


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_config(addresses=["nowhere"]),
        lambda: Engine(make_config(addresses=[])),
        lambda: Engine(make_config(certificate_pem=b"no certificate")),
        lambda: Engine(make_config(media_port_min=2, media_port_max=1)),
    ],
)
def test_what_cannot_work_says_why(make: Callable[[], object]) -> None:
    with pytest.raises(EngineError, match=r"\w+"):
        make()


def test_another_certificate_is_used_for_new_connections(engine: Engine) -> None:
    other_ca = make_ca(time.time())
    other = make_leaf(other_ca, ["localhost"], time.time())
    with pytest.raises(EngineError):
        engine.reload_certificate(other.certificate, LEAF.key)
    engine.reload_certificate(other.certificate, other.key)
    context = ssl.create_default_context(cadata=other_ca.certificate.decode())
    with (
        socket.create_connection(("127.0.0.1", engine.https_port), timeout=5) as tcp,
        context.wrap_socket(tcp, server_hostname="localhost") as client,
    ):
        assert client.version() == "TLSv1.3"


def test_closing_twice_is_closing_once() -> None:
    engine = Engine(make_config())
    port = engine.https_port
    engine.stop_accepting()
    engine.close()
    engine.close()
    with pytest.raises(EngineError):
        engine.submit(Command.CloseTransport(1))
    with pytest.raises(EngineError):
        engine.submit_all([Command.CloseTransport(1)])
    assert engine.counters() == []
    assert engine.fileno() >= 0
    with socket.create_server(("127.0.0.1", port)):
        pass
