"""A throw-away server on loopback, in a process of its own, which may be killed and come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from perchat.errors import ConnectionFailure, OperationTimeout
from perchat.server.config import load_config
from perchat.server.install import CONFIG_FILE, install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.server.config import ServerConfig

__all__ = ["ThrowAway", "throw_away"]

_DOMAIN = "load.example"
_PATIENCE = 60.0  # seconds to start, or to stop
_SERVE = """
import os, signal, threading
def end_with_the_load():
    os.read(0, 1)  # nothing comes but the end
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=end_with_the_load, daemon=True).start()
from perchat.cli.main import main
main()
"""
_COMMAND = (sys.executable, "-c", _SERVE, "serve")
_HTTPS = re.compile(r"^https = .*$", re.MULTILINE)
_TRUST = '\n[sign_in]\ntrust = ["127.0.0.1"]\n'


class ThrowAway:
    """
    The server of one run.

    Attributes:
        password: Of all its users.
        pid: Of the process that is the server now.

    """

    def __init__(self, config: ServerConfig, profile: Path | None) -> None:
        self.config = config
        self._profile = profile
        self.password = secrets.token_urlsafe(12)
        self.pid = 0
        self.ports = {"tls": 0, "tcp": 0}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """
        Start it, at the ports it had before.

        Raises:
            ConnectionFailure: It did not start; the message ends with what it wrote last.

        """
        profile = ("--profile", str(self._profile)) if self._profile else ()
        with (self.config.folder / "log").open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                *(*_COMMAND, "--config", str(self.config.folder / CONFIG_FILE)),
                *("--tls-port", str(self.ports["tls"]), "--tcp-port", str(self.ports["tcp"])),
                *("--https-port", "0", "--log-level", "warning", *profile),
                stdin=asyncio.subprocess.PIPE,  # ends with us, whatever ends us
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                process_group=0,  # Ctrl-C ends the load first, then the server
            )
        ready = await self._ready(process)
        self.pid = process.pid
        self.ports = {kind: int(ready[f"sip_{kind}"].rpartition(":")[2]) for kind in self.ports}

    async def _ready(self, process: asyncio.subprocess.Process) -> dict[str, str]:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_PATIENCE):
                line = await process.stdout.readline()
        except TimeoutError:
            raise OperationTimeout(f"the server did not start in {_PATIENCE:g} s") from None
        if not line:
            last = (self.config.folder / "log").read_text("utf-8").splitlines()[-1:]
            raise ConnectionFailure(f"the server did not start: {' '.join(last)}")
        told: dict[str, str] = json.loads(line)
        return told

    async def crash(self) -> None:
        """Kill it as a power cut would, and start it again."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
        await self.start()

    async def stop(self) -> None:
        """Stop it in order, or else kill it."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def throw_away(
    *, trust: bool, connections: int, profile: Path | None = None
) -> AsyncIterator[ThrowAway]:
    """
    Make a server in a folder of its own, not started yet; it is gone at the end.

    Args:
        trust: Whether users on this machine are taken at their word and sign nothing.
        connections: How many it has to take.
        profile: Where it writes where its time went.

    """
    with tempfile.TemporaryDirectory(prefix="perchat-load-") as place:
        folder = Path(place) / "server"
        config = await install(folder, _DOMAIN)
        file = folder / CONFIG_FILE
        text = _HTTPS.sub('https = ""', file.read_text("utf-8"))  # nobody loads files yet
        limits = f"\n[limits]\nconnections = {connections}\n"
        file.write_text(text + limits + (_TRUST if trust else ""), "utf-8")
        config = load_config(file)
        server = ThrowAway(config, profile)
        try:
            yield server
        finally:
            await server.stop()
