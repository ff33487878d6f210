"""A TURN client that asks for anything (RFC 8656), over UDP, TCP or TLS."""

from __future__ import annotations

import os
import socket
import struct

from hostile import stun
from hostile.server import HOST, Server

PATIENCE_S = 5.0


class TurnClient:
    """One 5-tuple with the server."""

    def __init__(self, server: Server, username: str, password: str, transport: str) -> None:
        self._username, self._password = username, password
        self._stream = transport != "udp"
        if transport == "tls":
            self._socket: socket.socket = server.tls()
        elif transport == "tcp":
            self._socket = server.tcp(server.turn_port)
        else:
            self._socket = socket.socket(type=socket.SOCK_DGRAM)
            self._socket.connect((HOST, server.turn_port))
        self._socket.settimeout(PATIENCE_S)
        self._realm = self._nonce = b""
        self._received: list[bytes] = []
        self.relayed: stun.Address | None = None

    def close(self) -> None:
        """Close the connection; the allocation goes with it where it is one."""
        self._socket.close()

    # Messages.

    def send(self, message: bytes) -> None:
        """Send one message, whatever it is."""
        self._socket.sendall(message)

    def receive(self) -> bytes:
        """The next message. Raises TimeoutError."""
        if not self._stream:
            return self._socket.recv(2048)
        header = self._read(4)
        length = struct.unpack("!H", header[2:])[0]
        rest = length + -length % 4 if header[0] & 0xC0 else length + 16
        return header + self._read(rest)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("closed by the server")
            data += piece
        return data

    def ask(self, kind: int, *attributes: stun.Attribute, sign: bool = True) -> stun.Message:
        """Send a request and wait for its response; other messages are kept for `received`."""
        transaction = os.urandom(12)
        return self.ask_as(transaction, kind, list(attributes), sign=sign)

    def ask_as(
        self, transaction: bytes, kind: int, attributes: list[stun.Attribute], *, sign: bool
    ) -> stun.Message:
        """The same with a transaction id that is known before."""
        key = None
        if sign:
            realm = self._realm.decode()
            key = stun.long_term_key(self._username, realm, self._password)
            attributes = [
                *attributes,
                (stun.USERNAME, self._username.encode()),
                (stun.REALM, self._realm),
                (stun.NONCE, self._nonce),
            ]
        self.send(stun.build(kind, attributes, transaction=transaction, key=key))
        while True:
            data = self.receive()
            if data[0] < 4 and data[8:20] == transaction:
                return stun.Message.parse(data)
            self._received.append(data)

    def received(self) -> bytes:
        """The next message that is no response to a request of ours. Raises TimeoutError."""
        return self._received.pop(0) if self._received else self.receive()

    # Requests.

    def allocate(self, *attributes: stun.Attribute) -> stun.Message:
        """Learn realm and nonce, then ask for an allocation."""
        transport = (stun.REQUESTED_TRANSPORT, stun.UDP)
        challenge = self.ask(stun.ALLOCATE, transport, sign=False)
        assert challenge.error == 401
        self._realm = challenge.get(stun.REALM) or b""
        self._nonce = challenge.get(stun.NONCE) or b""
        answer = self.ask(stun.ALLOCATE, transport, *attributes)
        if answer.succeeded:
            self.relayed = answer.address(stun.XOR_RELAYED_ADDRESS)
        return answer

    def permit(self, *ips: str) -> stun.Message:
        """CreatePermission for these addresses."""
        transaction = os.urandom(12)
        peers = [(stun.XOR_PEER_ADDRESS, stun.xor_address((ip, 9), transaction)) for ip in ips]
        return self.ask_as(transaction, stun.CREATE_PERMISSION, peers, sign=True)

    def bind(self, channel: int, peer: stun.Address) -> stun.Message:
        """ChannelBind."""
        transaction = os.urandom(12)
        attributes = [
            (stun.CHANNEL_NUMBER, struct.pack("!HH", channel, 0)),
            (stun.XOR_PEER_ADDRESS, stun.xor_address(peer, transaction)),
        ]
        return self.ask_as(transaction, stun.CHANNEL_BIND, attributes, sign=True)

    def send_to(self, peer: stun.Address, payload: bytes) -> None:
        """A Send indication."""
        transaction = os.urandom(12)
        attributes = [
            (stun.XOR_PEER_ADDRESS, stun.xor_address(peer, transaction)),
            (stun.DATA_ATTRIBUTE, payload),
        ]
        kind = stun.SEND | stun.INDICATION
        self.send(stun.build(kind, attributes, transaction=transaction))

    def sync(self) -> None:
        """Return when the server has handled what was sent before."""
        answer = self.ask(stun.REFRESH)
        assert answer.succeeded, answer
