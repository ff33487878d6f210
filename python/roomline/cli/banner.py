"""What `roomline serve` prints when it is up."""

from __future__ import annotations

from roomline.api.app import package_version
from roomline.server import Server, tiers

ROOM = "demo"


def banner(server: Server, application: str | None = None) -> str:
    """The tiers with their ports, a link for two people, and what the certificate lacks.

    `application` is how the command line names what is behind us.
    """
    settings, https = server.settings, server.engine.https_port
    lines = [
        f"Roomline {package_version()} is up: {server.url}",
        "",
        "Every participant gets the best path its network lets through:",
        *(f"  {place}  {tier}" for place, tier in enumerate(tiers(server), 1)),
        "",
        f"Open this link {_where(server)}; it is good for a day:",
        f"  {server.invite(ROOM)}",
    ]
    if application is not None:
        origin = server.url.removesuffix(settings.prefix)
        lines += ["", f"Your application: {origin}/  {application}"]
    if settings.dev:
        lines += ["", f"--dev: HTTPS and tier 3 are on {https}, not 443; firewalls may block it."]
    if server.certificate.is_local:
        lines += [
            "",
            "Tier 3 works only where the certificate is trusted. Two ways there:",
            "  --tls-cert FILE --tls-key FILE   a certificate that browsers know",
            f"  {server.state.ca_file}   this CA, imported into browsers",
        ]
    lines += ["", f"State: {server.state.folder}", "Press Ctrl-C to stop."]
    return "\n".join(lines)


def _where(server: Server) -> str:
    """Where the link leads to this server."""
    local = server.host.partition(".")[0] == "localhost" or server.host.endswith(".localhost")
    return "in two browser windows on this machine" if local else "on two devices"
