"""One session core, sans-IO, and its dialects.

Feed it frames, engine events and time; drain frames, commands and closes. It holds no socket, reads
no clock and awaits nothing: `roomline.api` moves its bytes.
"""

from __future__ import annotations

from roomline.signaling.config import SignalingConfig, TurnAddress
from roomline.signaling.core import Core
from roomline.signaling.json_dialect import Close, JsonConnection

__all__ = ["Close", "Core", "JsonConnection", "SignalingConfig", "TurnAddress"]
