"""Print `--dev` where the server can't listen on ports 443 and below 1024, else nothing."""

import os
from pathlib import Path


def may_bind_low_ports() -> bool:
    """Whether this user may listen on port 443 (root, or the system's limit was lowered)."""
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    return os.geteuid() == 0 or (limit.exists() and int(limit.read_text()) <= 443)


if __name__ == "__main__":
    print("" if may_bind_low_ports() else "--dev")
