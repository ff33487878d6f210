"""A server for each module, and a call beside every test that must not notice it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostile.server import Barrier, Call, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def call(server: Server) -> Iterator[Call]:
    running = Call(server)
    yield running
    running.close()


@pytest.fixture
def barrier(server: Server) -> Iterator[Barrier]:
    made = Barrier(server)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def undisturbed(server: Server, call: Call) -> Iterator[None]:
    """The call goes on during the test and after it, and the server is sound."""
    call.mark()
    yield
    call.assert_undisturbed()
    server.assert_sound()
