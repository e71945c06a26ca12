"""
A real ``perchat serve`` in a process of its own, made and changed by the command line alone.

What a test does here is what an administrator types; nothing reaches into the server.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from tests.server.harness import free_port

__all__ = ["Installation", "RunningServer"]

PERCHAT = Path(sys.executable).with_name("perchat")
READY_WITHIN = 30.0
STOPPED_WITHIN = 20.0


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder made by ``perchat init``, and what was added to it."""

    folder: Path
    domain: str
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def create(cls, folder: Path, domain: str = "example.com") -> Self:
        """Run ``perchat init``."""
        made = cls(folder, domain)
        made.perchat("init", str(folder), "--domain", domain)
        made.trust.mkdir()
        shutil.copy(made.authority, made.trust)
        return made

    @property
    def authority(self) -> Path:
        """The certificate of the installation's own authority."""
        return self.folder / "pki" / "ca.pem"

    @property
    def trust(self) -> Path:
        """A folder with that certificate and nothing else, as libpurple wants it."""
        return self.folder / "trust"

    def perchat(self, *words: str, stdin: str = "") -> str:
        """Run the command line on this installation and return what it printed."""
        done = subprocess.run(
            [str(PERCHAT), *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env=self._environment(),
            check=False,
        )
        assert done.returncode == 0, f"perchat {' '.join(words)}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def add_user(self, name: str, password: str = "") -> None:
        """Add a user; the password is by default the name and a number."""
        self.passwords[name] = password or f"{name}-Pass-1"
        words = ("user", "add", name, "--display-name", name.title(), "--password-stdin")
        self.perchat(*words, stdin=self.passwords[name] + "\n")

    def add_room(self, name: str, category: str, *members: str, description: str = "") -> None:
        """Add a room with members, given by their user names."""
        who = [word for member in members for word in ("--member", self.uri(member))]
        words = ("room", "add", name, "--category", category, "--description", description)
        self.perchat(*words, *who)

    def uri(self, name: str) -> str:
        """Return a user's address."""
        return f"sip:{name}@{self.domain}"

    def serve(self, *, tls_port: int = 0, tcp_port: int = 0) -> RunningServer:
        """
        Start ``perchat serve`` on the loopback and wait until every listener is up.

        Its ports are such as nobody who connects is given, so that it can have them again.
        """
        tls, tcp = tls_port or free_port(), tcp_port or free_port()
        words = ("--tls-port", str(tls), "--tcp-port", str(tcp), "--https-port", "0")
        return self.serve_as(*words)

    def serve_as(self, *words: str) -> RunningServer:
        """Start ``perchat serve`` with these words and wait until it says that it is ready."""
        log = (self.folder / "serve.log").open("ab")
        command = [str(PERCHAT), "serve", *words]
        with log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment(),
            )
        try:
            ready = _ready_line(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return RunningServer(self, process, _port(ready, "sip_tls"), _port(ready, "sip_tcp"))

    def log(self) -> str:
        """Return what every server of this installation logged."""
        return (self.folder / "serve.log").read_text(errors="replace")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PERCHAT_CONFIG": str(self.folder / "perchat.toml")}


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that is up, and where it listens on the loopback."""

    installation: Installation
    process: subprocess.Popen[bytes]
    tls_port: int
    tcp_port: int

    def port(self, transport: str) -> int:
        """Return the port for ``tcp`` or ``tls``."""
        return {"tcp": self.tcp_port, "tls": self.tls_port}[transport]

    def stop(self) -> int:
        """Ask it to end, as ``systemctl stop`` would, and return its status."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        """End it between two instructions, with nothing said to anyone."""
        self.process.kill()
        self._ended()

    def restart(self) -> RunningServer:
        """Start another one on the same ports."""
        return self.installation.serve(tls_port=self.tls_port, tcp_port=self.tcp_port)

    def _ended(self) -> int:
        status = self.process.wait(STOPPED_WITHIN)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


def _port(ready: dict[str, str], listener: str) -> int:
    """Return a listener's port; 0 when it is switched off."""
    return int(ready.get(listener, ":0").rpartition(":")[2])


def _ready_line(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Return the one line of JSON the server prints; anything else is a failure."""
    stdout = process.stdout
    assert stdout is not None
    line = _line(stdout, time.monotonic() + READY_WITHIN)
    assert line, f"perchat serve ended with {process.wait(STOPPED_WITHIN)} before it was ready"
    ready: dict[str, str] = json.loads(line)
    assert ready["event"] == "ready"
    return ready


def _line(stdout: IO[bytes], deadline: float) -> bytes:
    collected = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while not collected.endswith(b"\n"):
            assert selector.select(deadline - time.monotonic()), (
                "perchat serve was not ready in time"
            )
            chunk = os.read(stdout.fileno(), 4096)
            if not chunk:
                return b""
            collected += chunk
    return collected
