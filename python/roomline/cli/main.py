"""The command line. A fault of the user's is one line on standard error and exit code 2."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import uvloop
from starlette.types import ASGIApp

from roomline import log
from roomline.api.app import package_version
from roomline.cli.application import load_application
from roomline.cli.banner import banner
from roomline.config import Settings, load
from roomline.embedding import check_attached
from roomline.errors import ConfigError
from roomline.server import Server
from roomline.state import State
from roomline.tokens import AccessToken, Grants, admin_token

COLLECT_AFTER = 20_000
"""How many more containers there are when the garbage collector looks at the youngest ones."""

M_MMAP_THRESHOLD = -3
LARGE_BLOCK = 128 * 1024
"""In bytes; mallopt(3)."""

USAGE_ERROR = 2
INTERRUPTED = 130

# typer carries click or uses it, by its version; this is click's ClickException in either.
_CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="roomline",
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")]
StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Where keys, secrets and the CA are kept.")
]


def main() -> None:
    """The entry point of the `roomline` command."""
    try:
        sys.exit(app(standalone_mode=False))
    except ConfigError as error:
        _give_up(str(error))
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except _CommandLineError as error:
        _give_up(error.format_message())  # type: ignore[attr-defined]


def _give_up(message: str) -> NoReturn:
    print(f"roomline: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(USAGE_ERROR)


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    """Real-time video rooms that connect through any network."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE_ERROR)


@app.command()
def serve(  # noqa: PLR0917 - the flags
    host: Annotated[str | None, typer.Option(help="The DNS name clients use.")] = None,
    public_ip: Annotated[
        str | None, typer.Option(help="The outer address under 1:1 NAT; told to clients alone.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Addresses to tell clients, best first, with commas between them."),
    ] = None,
    https_port: Annotated[
        int | None, typer.Option(help="HTTPS, signaling and TURN/TLS; default 443.")
    ] = None,
    turn_port: Annotated[
        int | None, typer.Option(help="TURN over UDP and TCP; default 3478.")
    ] = None,
    media_ports: Annotated[
        str | None, typer.Option(help="UDP ports for media: a range, or one; default 10000-60000.")
    ] = None,
    bind: Annotated[str | None, typer.Option(help="Addresses to listen on; default all.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    state_dir: StateDir = None,
    config: ConfigFile = None,
    drain_seconds: Annotated[
        float | None, typer.Option(help="Seconds calls may go on after SIGTERM; default 60.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error; default info.")
    ] = None,
    dev: Annotated[
        bool | None, typer.Option("--dev", help="Use port 8443, which needs no privilege.")
    ] = None,
    application: Annotated[
        str | None,
        typer.Option(
            "--app", metavar="MODULE:NAME", help="Your ASGI application, behind the same port."
        ),
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="The path that what is ours is under, such as /video.")
    ] = None,
) -> None:
    """Run the server."""
    flags: dict[str, Any] = {
        "host": host,
        "public_ip": public_ip,
        "bind": bind,
        "state_dir": state_dir,
        "dev": dev,
        "prefix": prefix,
        "drain_seconds": drain_seconds,
        "https": {"port": https_port},
        "turn": {"port": turn_port},
        "media": {"ports": media_ports, "addresses": address},
        "tls": {"cert": tls_cert, "key": tls_key},
        "log": {"level": log_level},
    }
    settings = load(config, flags)
    log.configure(settings.log.level, settings.log.format)
    # Before any port is opened: a module that cannot be imported leaves nothing behind.
    behind = load_application(application) if application else None
    _give_large_blocks_back()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, behind, application))


@app.command()
def token(  # noqa: PLR0917 - the flags
    room: Annotated[str | None, typer.Option(help="The room it is for.")] = None,
    identity: Annotated[
        str | None, typer.Option(help="Who it is for, to your application.")
    ] = None,
    name: Annotated[str, typer.Option(help="The name others see.")] = "",
    hours: Annotated[float, typer.Option(min=0.001, help="How long it may be used.")] = 6.0,
    publish: Annotated[bool, typer.Option(help="May send audio and video.")] = True,
    subscribe: Annotated[bool, typer.Option(help="May receive others.")] = True,
    data: Annotated[bool, typer.Option(help="May send data.")] = True,
    admin: Annotated[
        bool, typer.Option("--admin", help="A bearer token for the REST API instead.")
    ] = False,
    state_dir: StateDir = None,
    config: ConfigFile = None,
) -> None:
    """Print an access token, signed with the key in the state folder."""
    settings = load(config, {"state_dir": state_dir})
    key = State(settings.state_dir).api_key()
    ttl = timedelta(hours=hours)
    if admin:
        typer.echo(admin_token(key.key, key.secret, ttl=ttl))
        return
    if not room or not identity:
        raise ConfigError("a token needs --room and --identity")
    made = (
        AccessToken(key.key, key.secret)
        .with_identity(identity, name=name)
        .with_room(room)
        .with_ttl(ttl)
        .with_grants(Grants(publish=publish, subscribe=subscribe, data=data))
    )
    typer.echo(made.to_jwt())


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(package_version())


async def _serve(settings: Settings, application: ASGIApp | None, name: str | None) -> None:
    server = Server(settings, application=application)

    def ready() -> None:
        check_attached()
        _collect_seldom()
        typer.echo(banner(server, name))

    await server.run(ready)


def _collect_seldom() -> None:
    """Have the garbage collector look less often, and never at what was loaded at the start.

    It took an eighth of the time of a join. What a call leaves behind has few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def _give_large_blocks_back() -> None:
    """Have the C library map large blocks one by one, as it does until the first one is freed.

    Then it begins to cut them out of what grows as a whole: an idle participant takes half as much
    again, because something small lies above each gap. Other C libraries than glibc don't.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
