"""A relay that reaches nothing but the participant's own transport."""

from __future__ import annotations

import base64
import hmac
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hostile import stun
from hostile.server import HOST, NAME, Call, Server
from hostile.signaling import join_frame, make_offer
from hostile.turn_client import TurnClient

TRANSPORTS = ("udp", "tcp", "tls")
REFRESHABLE = (stun.LIFETIME, b"\x00\x00\x02\x58")


@dataclass
class Member:
    """Somebody who has joined, with what the reply said."""

    username: str
    password: str
    urls: list[str]
    ufrag: str
    ice_password: str
    media: stun.Address


def member_of(joined: dict[str, Any]) -> Member:
    [turn] = [one for one in joined["iceServers"] if "credential" in one]
    answer = joined["answer"]

    def find(pattern: str) -> re.Match[str]:
        found = re.search(pattern, answer, re.MULTILINE)
        assert found, answer
        return found

    candidate = find(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+)")
    return Member(
        turn["username"],
        turn["credential"],
        turn["urls"],
        find(r"^a=ice-ufrag:(\S+)")[1],
        find(r"^a=ice-pwd:(\S+)")[1],
        (candidate[1], int(candidate[2])),
    )


@pytest.fixture(scope="module")
def offer() -> str:
    return make_offer()


@pytest.fixture
def member(server: Server, offer: str) -> Iterator[Member]:
    """Somebody with valid TURN credentials and a transport that waits for checks."""
    with server.signal() as socket_:
        socket_.send(json.dumps(join_frame(server.token("eve", "relay"), offer)))
        joined = json.loads(socket_.recv(10))
        assert joined["type"] == "joined", joined
        yield member_of(joined)


@pytest.fixture(params=TRANSPORTS)
def client(request: pytest.FixtureRequest, server: Server, member: Member) -> Iterator[TurnClient]:
    made = TurnClient(server, member.username, member.password, request.param)
    assert made.allocate().succeeded
    yield made
    made.close()


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A service on the server's own machine that nobody may reach through the relay."""
    with socket.socket(type=socket.SOCK_DGRAM) as listener:
        listener.bind((HOST, 0))
        listener.setblocking(False)
        yield listener


def turn_password(server: Server, username: str) -> str:
    """What the server itself would give for that name."""
    digest = hmac.digest(server.turn_secret(), username.encode(), "sha1")
    return base64.b64encode(digest).decode()


def check(member: Member, offer: str) -> bytes:
    found = re.search(r"a=ice-ufrag:(\S+)", offer)
    assert found
    return stun.connectivity_check(f"{member.ufrag}:{found[1]}", member.ice_password)


def test_it_reaches_the_own_transport(client: TurnClient, member: Member, offer: str) -> None:
    """The control: everything refused below is refused for its peer alone."""
    assert client.permit(member.media[0]).succeeded
    client.send_to(member.media, check(member, offer))
    indication = stun.Message.parse(client.received())
    assert indication.kind == stun.DATA | stun.INDICATION
    assert indication.address(stun.XOR_PEER_ADDRESS) == member.media
    answer = stun.Message.parse(indication.get(stun.DATA_ATTRIBUTE) or b"")
    assert answer.succeeded
    assert answer.address(stun.XOR_MAPPED_ADDRESS) == client.relayed
    assert client.bind(0x4001, member.media).succeeded


FOREIGN = [
    "169.254.169.254",
    "127.0.0.2",
    "127.1.2.3",
    "10.0.0.1",
    "192.168.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "192.0.2.1",
]
OTHER_FAMILY = ["::ffff:127.0.0.1", "::1", "::", "fe80::1", "64:ff9b::7f00:1", "2002:7f00:1::"]


def test_no_permission_for_foreign_addresses(client: TurnClient) -> None:
    for ip in FOREIGN:
        assert client.permit(ip).error == 403, ip
    # One bad one spoils the request (RFC 8656 §9.2).
    assert client.permit(HOST, FOREIGN[0]).error == 403


def test_no_permission_for_the_other_family(client: TurnClient) -> None:
    for ip in OTHER_FAMILY:
        assert client.permit(ip).error in {403, 443}, ip


def test_no_channel_to_anything_else(
    client: TurnClient, server: Server, call: Call, canary: socket.socket
) -> None:
    targets = [
        canary.getsockname(),
        (HOST, server.turn_port),
        (HOST, server.https_port),
        (HOST, 22),
        (HOST, 0),
        call.media_address(),
        client.relayed,
        *((ip, 80) for ip in FOREIGN),
    ]
    for number, target in enumerate(targets):
        assert client.bind(0x4000 + number, target).error == 403, target
    for ip in OTHER_FAMILY:
        assert client.bind(0x4FFF, (ip, 80)).error in {403, 443}, ip


def test_sent_data_reaches_nothing_else(
    client: TurnClient, server: Server, call: Call, canary: socket.socket
) -> None:
    assert client.permit(HOST).succeeded
    before = server.drops()
    username = stun.Message.parse(call.captured("stun")[0].data).get(stun.USERNAME) or b""
    payloads = [
        b"GET / HTTP/1.0\r\n\r\n",
        stun.build(stun.BINDING, []),
        stun.connectivity_check(username.decode(), "x" * 24, nominate=True),
        *(one.data for one in call.captured("stun", "rtp")[:20]),
    ]
    targets = [
        canary.getsockname(),
        (HOST, server.turn_port),
        (HOST, server.https_port),
        call.media_address(),
        client.relayed,
        ("169.254.169.254", 80),
    ]
    for target in targets:
        for payload in payloads:
            client.send_to(target, payload)
    client.sync()
    with pytest.raises(BlockingIOError):
        canary.recv(2048)
    now = server.drops()
    dropped = sum(now[reason] - before[reason] for reason in ("turn", "relay-peer"))
    assert dropped == len(targets) * len(payloads)


def test_authentic_checks_of_another_are_refused_through_ones_own_allocation(
    client: TurnClient, call: Call, server: Server
) -> None:
    """Eve has copied Ada's checks, and sends them through a relay that is Eve's."""
    assert client.permit(HOST).succeeded
    for one in call.captured("stun"):
        client.send_to(one.target, one.data)
    client.sync()
    call.assert_undisturbed()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nothing_is_allocated_without_credentials(transport: str, server: Server) -> None:
    before = server.metrics()["roomline_allocations_made_total", ""]
    now = int(time.time())
    for username, password in [
        ("", ""),
        ("nobody", "secret"),
        (f"{now + 3600}:1", "guessed"),
        (f"{now - 3600}:1", turn_password(server, f"{now - 3600}:1")),
        (f"{now + 3600}", turn_password(server, f"{now + 3600}")),
        (f"{now + 3600}:-1", turn_password(server, f"{now + 3600}:-1")),
        ("99999999999999999999999:1", "x"),
        (f"+{now + 3600}:1", "x"),
    ]:
        client = TurnClient(server, username, password, transport)
        assert client.allocate().error == 401, username
        for request in (stun.REFRESH, stun.CREATE_PERMISSION, stun.CHANNEL_BIND):
            assert client.ask(request, sign=False).error == 401
            assert client.ask(request, REFRESHABLE).error in {400, 401, 437}
        client.close()
    assert server.metrics()["roomline_allocations_made_total", ""] == before


def test_another_nonce_is_stale(server: Server, member: Member) -> None:
    """A nonce is bound to the client's address: a copied one is worth nothing."""
    honest = TurnClient(server, member.username, member.password, "udp")
    assert honest.allocate().succeeded
    thief = TurnClient(server, member.username, member.password, "udp")
    thief._realm, thief._nonce = honest._realm, honest._nonce
    answer = thief.ask(stun.ALLOCATE, (stun.REQUESTED_TRANSPORT, stun.UDP))
    assert answer.error == 438
    honest.ask(stun.REFRESH, (stun.LIFETIME, bytes(4)))
    honest.close()
    thief.close()


def test_somebody_elses_credentials_do_not_touch_an_allocation(
    client: TurnClient, server: Server, call: Call, offer: str
) -> None:
    with server.signal() as socket_:
        socket_.send(json.dumps(join_frame(server.token("trudy", "relay2"), offer)))
        other = member_of(json.loads(socket_.recv(10)))
        client._username, client._password = other.username, other.password
        assert client.ask(stun.REFRESH, (stun.LIFETIME, bytes(4))).error == 441
        assert client.permit(HOST).error == 441
        assert client.bind(0x4001, other.media).error == 441


def test_allocations_of_one_participant_are_bounded(server: Server, member: Member) -> None:
    clients = [TurnClient(server, member.username, member.password, "udp") for _ in range(20)]
    answers = [client.allocate() for client in clients]
    assert [answer.error for answer in answers if not answer.succeeded] == [486] * 8
    for client, answer in zip(clients, answers, strict=True):
        if answer.succeeded:
            client.ask(stun.REFRESH, (stun.LIFETIME, bytes(4)))
        client.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_coturns_client_allocates_and_gets_no_further(
    transport: str, server: Server, member: Member
) -> None:
    """A second implementation agrees on authentication and allocation."""
    before = server.metrics()["roomline_allocations_made_total", ""]
    port = server.https_port if transport == "tls" else server.turn_port
    how = {"udp": [], "tcp": ["-t"], "tls": ["-t", "-S", "-E", str(server.state / "ca.pem")]}
    # -s: Send indications, since it chooses channel numbers that RFC 8656 has taken away.
    options = ["-v", "-c", "-s", "-n", "1", "-m", "1", "-e", "127.0.0.2", "-r", "9"]
    login = ["-p", str(port), "-u", member.username, "-w", member.password]
    command = ["turnutils_uclient", *options, *login, *how[transport], HOST]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    said = done.stdout + done.stderr
    assert server.metrics()["roomline_allocations_made_total", ""] > before, said
    assert "Received relay addr" in said
    assert "create permission error 403" in said
    assert done.returncode != 0


def test_urls_carry_a_name_for_tls(member: Member, server: Server) -> None:
    tls = [url for url in member.urls if url.startswith("turns:")]
    assert tls
    assert all(url.startswith(f"turns:{NAME}") for url in tls)
