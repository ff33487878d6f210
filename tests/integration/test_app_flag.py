"""`roomline serve --app`: somebody's application, and what can be wrong with it."""

from __future__ import annotations

import json
import re
import socket
import struct
from pathlib import Path

import pytest
from websockets.sync.client import connect

from support.process import PATIENCE, local, one_line, run, serving

MODULE = """
import contextlib, pathlib
from fastapi import FastAPI, Request, WebSocket

HERE = pathlib.Path(__file__).parent

@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    (HERE / "ended").touch()

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def who(request: Request):
    return {"host": request.client.host, "url": str(request.url)}

@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())

@contextlib.asynccontextmanager
async def broken(app):
    raise RuntimeError("no database")
    yield

failing = FastAPI(lifespan=broken)
number = 7

def wsgi(environ, start_response):
    return []

def make():
    return app

class Application:
    async def __call__(self, scope, receive, send):
        pass
"""


FORGETFUL = """
from fastapi import FastAPI
from roomline import Roomline

video = Roomline()
app = FastAPI()

@video.on_admit
def admit(request):
    return False
"""

BINDING = struct.pack("!HHI12s", 0x0001, 0, 0x2112A442, b"twelve bytes")
"""A Binding request (RFC 8489 section 5)."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import mine\n\nmine.number / 0\n")
    (tmp_path / "mistyped.py").write_text("def f(:\n")
    (tmp_path / "forgetful.py").write_text(FORGETFUL)
    (tmp_path / "lacking.py").write_text("import there_is_no_such_module\n")
    (tmp_path / "leaving.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_application_behind_the_front_door(folder: Path) -> None:
    with serving(folder, "--app", "mine:app") as process:
        assert f"https://localhost:{process.port}/  mine:app" in process.banner
        _, body, _ = process.get("/", **{"X-Forwarded-For": "10.0.0.1"})
        told = json.loads(body)
        assert told == {"host": "127.0.0.1", "url": f"https://localhost:{process.port}/"}
        assert process.get("/healthz")[0] == 200
        link = re.findall(r"https://\S+(/meet/demo\?invite=\S+)", process.banner)[0]
        assert process.get(link)[0] == 303
        url = f"wss://localhost:{process.port}/echo"
        with connect(url, ssl=process.trust(), proxy=None) as socket:
            socket.send("hello")
            assert socket.recv(timeout=PATIENCE) == "hello"
        process.process.terminate()
        assert process.process.wait(PATIENCE) == 0
    assert (folder / "ended").exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("mine", "write MODULE:NAME"),
        ("mine:", "write MODULE:NAME"),
        ("nothing:app", "there is no module nothing"),
        ("mine.deeper:app", "there is no module mine.deeper"),
        ("mine:nothing", "mine has no nothing"),
        ("mine:number", "number is no ASGI application, but int"),
        ("mine:wsgi", "a2wsgi"),
        ("mine:make", "call it in the module"),
        ("mine:Application", "name an instance of it"),
        ("mine:app.get", "does not take scope, receive, send"),
        ("broken:app", r"ZeroDivisionError: division by zero \(broken.py, line 3\)"),
        ("mistyped:app", r"SyntaxError: .*\(mistyped.py, line 1\)"),
        ("lacking:app", r"ModuleNotFoundError: .*there_is_no_such_module.*lacking.py, line 1"),
        ("leaving:app", r"SystemExit: 0 \(leaving.py, line 1\)"),
    ],
)
def test_what_cannot_be_served_is_one_line(folder: Path, target: str, words: str) -> None:
    done = run("serve", *local(folder), "--app", target)
    assert re.search(words, one_line(done)), done.stderr


def test_a_failed_start_up_is_one_line_and_leaves_nothing(folder: Path) -> None:
    done = run("serve", *local(folder), "--app", "mine:failing")
    assert "the application did not start: RuntimeError: no database" in one_line(done)
    assert done.stdout == ""


def test_functions_that_nobody_would_call_stop_the_start(folder: Path) -> None:
    done = run("serve", *local(folder), "--app", "forgetful:app")
    # The line before it says that the server was about to serve.
    assert re.match("roomline: nobody would call on_admit: .*", done.stderr.splitlines()[-1])
    assert (done.returncode, done.stdout) == (2, "")


def test_turn_over_tls_shares_the_port_with_the_application(folder: Path) -> None:
    with serving(folder, "--app", "mine:app") as process:
        with (
            socket.create_connection(("127.0.0.1", process.port), timeout=PATIENCE) as plain,
            process.trust().wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            secure.sendall(BINDING)
            assert secure.recv(2) == b"\x01\x01"
        turn_port = int(re.findall(r"turn-udp  UDP (\d+)", process.banner)[0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(PATIENCE)
            datagrams.sendto(BINDING, ("127.0.0.1", turn_port))
            assert datagrams.recv(2) == b"\x01\x01"
