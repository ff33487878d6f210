"""What can be set, with defaults and bounds."""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from roomline.log import Format, Level

DEV_HTTPS_PORT = 8443


class PortRange(NamedTuple):
    """Ports from `first` to `last`, both included; one port when they are equal."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def _parse_ports(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    first, _, last = value.replace("–", "-").partition("-")  # people paste dashes
    try:
        ports = PortRange(int(first), int(last or first))
    except ValueError:
        raise ValueError("write a range such as 10000-60000, or one port") from None
    if not (1 <= ports.first <= ports.last <= 65535 or ports == (0, 0)):
        raise ValueError("ports go from 1 to 65535, the lower first")
    return ports


def _split(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _parse_addresses(value: object) -> object:
    parts = _split(value)
    if not isinstance(parts, list):
        return parts
    try:
        return [ip_address(str(part)) for part in parts]
    except ValueError as error:
        raise ValueError(f"{error}") from None


Port = Annotated[int, Field(ge=0, le=65535)]
Addresses = Annotated[list[IPv4Address | IPv6Address], NoDecode, BeforeValidator(_parse_addresses)]


def _default_state_dir() -> Path:
    """`/var/lib/roomline` for root, else in the user's state folder (XDG)."""
    if os.geteuid() == 0:
        return Path("/var/lib/roomline")
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local/state") / "roomline"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Https(_Section):
    """HTTPS, WebSocket signaling and TURN over TLS, all on one port."""

    port: Port = 443


class Turn(_Section):
    """STUN and TURN over UDP and TCP."""

    port: Port = 3478


class Media(_Section):
    """The direct tier."""

    ports: Annotated[PortRange, NoDecode, BeforeValidator(_parse_ports)] = PortRange(10000, 60000)
    """UDP ports for media; a single one is shared by everybody."""
    addresses: Addresses = Field(default_factory=list)
    """Addresses to tell clients, best first; empty: those of the machine."""


class Tls(_Section):
    """The server's certificate; when left out, one under the local CA."""

    cert: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Tls:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together: give both or neither")
        return self


class Limits(_Section):
    """Bounds of rooms that no token or API call set otherwise; 0 is no limit."""

    max_participants: Annotated[int, Field(ge=0)] = 0
    max_publishers: Annotated[int, Field(ge=0)] = 0
    max_bitrate: Annotated[int, Field(ge=0)] = 0
    """In bit/s: of all that one participant publishes, and of all that it is sent."""
    connections_per_address: Annotated[int, Field(ge=1)] = 256
    """Connections from one address that have not shown what they are; 16 times as many of HTTP."""
    allocations_per_participant: Annotated[int, Field(ge=1)] = 12
    """TURN allocations of one participant."""


class Log(_Section):
    """What is logged to standard error."""

    level: Level = "info"
    format: Format = "auto"


class Settings(BaseSettings):
    """All settings of `roomline serve`."""

    model_config = SettingsConfigDict(
        env_prefix="ROOMLINE_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` merged: it must know which source a faulty value came from."""
        return (init_settings,)

    host: Annotated[str, Field(max_length=253)] | None = None
    """The DNS name clients use."""
    public_ip: Addresses = Field(default_factory=list)
    """The outer address under 1:1 NAT; then only it is told to clients."""
    bind: Addresses = Field(default_factory=list)
    """Addresses to listen on; empty: every one of both families."""
    state_dir: Path = Field(default_factory=_default_state_dir)
    prefix: Annotated[str, Field(max_length=200)] = ""
    """The path that everything of ours is under, when the rest belongs to an application."""
    dev: bool = False
    """Listen for HTTPS on 8443, which needs no privilege."""
    drain_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """How long calls may go on after SIGTERM."""
    https: Https = Https()
    turn: Turn = Turn()
    media: Media = Media()
    tls: Tls = Tls()
    limits: Limits = Limits()
    log: Log = Log()

    @field_validator("host")
    @classmethod
    def _is_a_name(cls, host: str | None) -> str | None:
        if host is None:
            return None
        try:
            ip_address(host)
        except ValueError:
            return host.rstrip(".").lower()
        raise ValueError("give a DNS name, not an address: turns: URLs need a name")

    @field_validator("prefix")
    @classmethod
    def _is_a_path(cls, prefix: str) -> str:
        if prefix in {"", "/"}:
            return ""
        if not re.fullmatch(r"(/[\w.~-]+)+/?", prefix, re.ASCII):
            raise ValueError("write a path such as /video, of letters, digits and . _ ~ -")
        return prefix.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _dev_port(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("dev") in {True, "1", "true", "yes", "on"}:
            https = data.get("https") or {}
            if isinstance(https, dict):
                data = {**data, "https": {"port": DEV_HTTPS_PORT, **https}}
        return data
