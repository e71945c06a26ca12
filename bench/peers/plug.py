"""
Perchat as one of the rig's peers; the rig's own script imports this.

``perchat`` takes the driver at its word (``sign_in.trust``), as the other peers are
measured without signatures; ``perchat-ntlm`` signs every message, as clients do;
``perchat-20000-rooms`` has so many rooms more, with members, that nobody enters.
"""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PEERS", "peers"]

PEERS = {"perchat": 0, "perchat-ntlm": 0, "perchat-20-rooms": 20, "perchat-20000-rooms": 20_000}
"""How many rooms each has besides the one that is measured."""

_SERVE = "from perchat.cli.main import main; main()"
_PATIENCE = 60.0  # seconds for a server to be ready
_PR_SET_PDEATHSIG = 1


def peers(base: Any) -> dict[str, Any]:
    """Return our peers by name; ``base`` is the rig's class of peers."""
    _end_with_parent()

    class Perchat(base):  # type: ignore[misc]
        port: int
        tls_port: int
        proto: str
        args: tuple[str, ...]

        def start(self, _size: int) -> None:
            self.fresh()
            signed = self.opt.peer == "perchat-ntlm"
            self.proto = "xccos-ntlm" if signed else "xccos"
            folder = self.dir / "server"
            rooms = str(PEERS[self.opt.peer])
            self.args = _made(str(folder), rooms, *([] if signed else ["trust"]))
            options = "--tcp-port", "0", "--tls-port", "0", "--log-level", "warning"
            settings = "--config", folder / "perchat.toml"
            server = self.spawn(sys.executable, "-c", _SERVE, "serve", *settings, *options)
            ready = _ready(self.dir / "out.log", server)
            self.port, self.tls_port = (_port(ready[name]) for name in ("sip_tcp", "sip_tls"))

    return dict.fromkeys(PEERS, Perchat)


def _made(*arguments: str) -> tuple[str, ...]:
    """Have a server made by a process of its own; return what the driver is to be told."""
    command = [sys.executable, "-m", "bench.peers.ours", *arguments]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return "-d", told["domain"], "-r", told["room"]


def _ready(log: Path, server: subprocess.Popen[bytes]) -> dict[str, str]:
    """Wait for the line in which a server says that it is ready, and where."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        for line in log.read_text("utf-8").splitlines():
            if line.startswith("{") and (told := json.loads(line)).get("event") == "ready":
                return dict(told)
        time.sleep(0.1)
    sys.exit(f"perchat serve is not ready; see {log}")


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _end_with_parent() -> None:
    """Have the rig's script end its servers in order when it is told to, or left alone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
