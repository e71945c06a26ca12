"""
Perchat as one of the rig's peers; the rig's own script imports this.

``perchat`` takes the driver at its word (``sign_in.trust``), as the other peers are
measured without signatures; ``perchat-ntlm`` signs every message, as clients do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench.peers.ours import TCP_PORT, TLS_PORT

__all__ = ["peers"]

_SERVE = "from perchat.cli.main import main; main()"


def peers(base: Any) -> dict[str, Any]:
    """Return our peers by name; ``base`` is the rig's class of peers."""

    class Perchat(base):  # type: ignore[misc]
        port, tls_port = TCP_PORT, TLS_PORT
        proto: str
        args: tuple[str, ...]

        def start(self, _size: int) -> None:
            self.fresh()
            trusting = self.opt.peer == "perchat"
            self.proto = "xccos" if trusting else "xccos-ntlm"
            folder = self.dir / "server"
            self.args = _made(str(folder), *(["trust"] if trusting else []))
            settings = "--config", folder / "perchat.toml"
            self.spawn(sys.executable, "-c", _SERVE, "serve", *settings, "--log-level", "warning")
            self.wait_port(self.port)

    return {"perchat": Perchat, "perchat-ntlm": Perchat}


def _made(*arguments: str) -> tuple[str, ...]:
    """Have a server made by a process of its own; return what the driver is to be told."""
    command = [sys.executable, "-m", "bench.peers.ours", *arguments]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return "-d", told["domain"], "-r", told["room"]
