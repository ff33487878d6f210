"""The benchmark's own WebSocket client and offer against those of others."""

from __future__ import annotations

import re

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from bench.visitors import RECORDED, SECTIONS, _masked, _offer, _payload

LENGTHS = [0, 1, 125, 126, 65_535, 65_536, 100_000]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_server_reads_what_it_writes(length: int) -> None:
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(_masked(b"x" * length))
    (frame,) = server.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, len(frame.data), set(frame.data)) == (
        Opcode.TEXT,
        length,
        set(b"x" if length else b""),
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_it_reads_what_a_server_writes(length: int) -> None:
    server = ServerProtocol(state=State.OPEN)
    server.send_text(b"y" * length)
    server.send_text(b"next")
    data = bytearray(b"".join(server.data_to_send()))
    assert _payload(data) == b"y" * length
    whole = len(data) - len(b"next") - 2
    assert _payload(data[:whole]) is not None
    assert _payload(data[: whole - 1]) is None


def test_the_offer_is_a_browser_s_with_the_credentials_of_the_load_client() -> None:
    own = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=fingerprint:sha-256 00:11\r\n"
    offer = _offer(own)
    sections = re.findall(r"^m=(\w+)", offer, re.MULTILINE)
    assert sections == [section.kind for section in SECTIONS]
    (group,) = re.findall(r"^a=group:BUNDLE (.*)$", offer, re.MULTILINE)
    assert len(group.split()) == len(sections)
    for attribute, value in [("ice-ufrag", "abcd"), ("fingerprint", "sha-256 00:11")]:
        found = re.findall(rf"^a={attribute}:(.*)$", offer, re.MULTILINE)
        assert {each.strip() for each in found} == {value}
        assert len(found) == len(sections)
    assert _offer("") == RECORDED
