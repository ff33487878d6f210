"""`roomline serve` as an operator runs it: a process with the real engine."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from websockets.sync.client import connect

from roomline.cli.main import app

from support.fake_engine import PUBLISHER
from support.process import PATIENCE, Process, local, one_line, run, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with serving(tmp_path_factory.mktemp("serve")) as process:
        yield process


def join(process: Process, identity: str, token: str | None = None) -> dict[str, object]:
    made = (
        token
        or run(
            "token", "--state-dir", str(process.state), "--room", "demo", "--identity", identity
        ).stdout.strip()
    )
    url = f"wss://localhost:{process.port}/v1/signal"
    with connect(url, ssl=process.trust(), proxy=None, compression=None) as browser:
        message = {"type": "join", "request": 1, "version": 1, "token": made, "tracks": []}
        browser.send(json.dumps({**message, "offer": PUBLISHER}))
        answer: dict[str, object] = json.loads(browser.recv(timeout=PATIENCE))
        return answer


def test_the_banner_says_what_the_operator_needs(server: Process) -> None:
    banner = server.banner
    assert "1  direct    UDP a free port  no extra latency" in banner
    assert "Open this link in two browser windows on this machine;" in banner
    assert re.search(r"2  turn-udp  UDP \d+", banner)
    assert re.search(r"3  turn-tls  TCP \d+", banner)
    assert f"https://localhost:{server.port}/meet/demo?invite=" in banner
    assert "--tls-cert" in banner
    assert str(server.state / "ca.pem") in banner


def test_health_metrics_and_the_certificate(server: Process) -> None:
    status, body, headers = server.get("/healthz", **{"X-Forwarded-For": "10.0.0.1"})
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert "content-security-policy" in {name.lower() for name in headers}
    _, text, _ = server.get("/metrics")
    assert "roomline_drops_total{reason=" in text
    assert "roomline_participants 0.0" in text


def test_an_offer_that_is_none_is_refused_by_the_engine(server: Process) -> None:
    answer = join(server, "alice")
    assert (answer["type"], answer["code"]) == ("error", "bad-offer")


def test_the_link_of_the_banner_lets_people_in(server: Process) -> None:
    link = re.findall(r"https://\S+(/meet/demo\?invite=\S+)", server.banner)[0]
    status, _, headers = server.get(link)
    assert status == 303
    token = headers["location"].partition("#token=")[2].partition("&")[0]
    assert join(server, "", token)["code"] == "bad-offer"


def test_noise_on_the_port_disturbs_nobody(server: Process) -> None:
    for noise in (b"\x00" * 100, b"GET / HTTP/1.1\r\n\r\n", os.urandom(2000)):
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as plain:
            plain.sendall(noise)
    context = server.trust()
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(b"\xff" * 100)
    assert server.get("/healthz")[0] == 200


def test_keys_are_kept_for_the_owner_alone(server: Process) -> None:
    modes = {path.stat().st_mode & 0o777 for path in server.state.iterdir()}
    assert modes == {0o600}


def test_sigterm_ends_an_empty_server(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(PATIENCE) == 0


def test_dev_says_that_it_uses_another_port(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev") as process:
        assert "--dev: HTTPS and tier 3 are on" in process.banner


def test_a_busy_port_is_one_line(server: Process, tmp_path: Path) -> None:
    done = run("serve", *local(tmp_path), "--https-port", str(server.port))
    assert f"127.0.0.1:{server.port}" in one_line(done)
    assert "--https-port" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "192.0.2.1"], "give a DNS name"),
        (["--media-ports", "5-1"], "media.ports"),
        (["--tls-cert", "/none.pem"], "both or neither"),
        (["--tls-cert", "/none.pem", "--tls-key", "/none.key"], "--tls-cert"),
        (["--config", "/none.toml"], "cannot be read"),
    ],
)
def test_bad_values_are_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    assert words in one_line(run("serve", *local(tmp_path), *arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serve", "--hots", "x"], "--host"),
        (["serve", "--host"], "--host"),
        (["serve", "--drain-seconds", "soon"], "--drain-seconds"),
        (["serve", "more"], "more"),
        (["token", "--hours", "0"], "--hours"),
        (["sevre"], "serve"),
    ],
)
def test_mistyped_flags_are_one_line(arguments: list[str], words: str) -> None:
    assert re.match(rf"roomline: .*{words}", one_line(run(*arguments)))


def test_no_command_shows_the_help() -> None:
    done = run()
    assert done.returncode == 2
    assert {"serve", "token", "version"} <= set(re.findall(r"\w+", done.stdout))


@pytest.mark.parametrize("command", ["serve", "token"])
def test_help_loses_no_word(command: str) -> None:
    shown = re.sub(r"[\s│|]+", " ", run(command, "--help", COLUMNS="400").stdout)
    made = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    for parameter in made.params:
        assert (parameter.help or "") in shown


def test_the_log_is_json_with_fields(server: Process) -> None:
    events = [json.loads(line) for line in server.lines if line.startswith("{")]
    (serving,) = [event for event in events if event["event"] == "serving"]
    assert (serving["part"], serving["level"]) == ("server", "info")
    assert serving["https_port"] == server.port


def test_what_the_engine_complains_of_is_in_the_log(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        pid, files = process.process.pid, resource.RLIMIT_NOFILE
        soft, hard = resource.prlimit(pid, files)
        # What is open stays so; nothing can be opened.
        resource.prlimit(pid, files, (3, hard))
        with socket.create_connection(("127.0.0.1", process.port), timeout=PATIENCE):
            process.until("a connection could not be accepted")
        resource.prlimit(pid, files, (soft, hard))
        record = json.loads(process.lines[-1])
        assert (record["part"], record["level"]) == ("engine", "warning")
        assert record["module"] == "roomline_front::door"
        assert process.get("/healthz")[0] == 200


def test_version_and_tokens() -> None:
    assert re.match(r"\d+\.\d+", run("version").stdout)


def test_a_token_needs_room_and_identity(tmp_path: Path) -> None:
    assert "--room" in one_line(run("token", "--state-dir", str(tmp_path)))
