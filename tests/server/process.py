"""A server in a process of its own, which can be killed and starved."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
from typing import TYPE_CHECKING

from perchat.server.app import Addresses
from tests.server.harness import Sample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.server.config import ServerConfig


class Process:
    """One run of ``perchat serve``."""

    def __init__(self, process: asyncio.subprocess.Process, sample: Sample, log: Path) -> None:
        self.process = process
        self.sample = sample
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    def limit_files(self, size: int) -> None:
        """Let no file grow beyond ``size`` bytes; -1 lifts it."""
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@contextlib.asynccontextmanager
async def process(config: ServerConfig, *, tcp: int = 0, tls: int = 0) -> AsyncIterator[Process]:
    """Run a server; at the end it is asked to stop, if it still runs, and must obey."""
    log = config.folder / "log"
    with log.open("ab") as stderr:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from perchat.cli.main import main; main()",
            *("serve", "--config", str(config.folder / "perchat.toml")),
            *("--tcp-port", str(tcp), "--tls-port", str(tls), "--https-port", "0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(20):
            line = json.loads(await child.stdout.readline())
        addresses = Addresses(line["sip_tls"], line["sip_tcp"], line.get("https"), line.get("http"))
        yield Process(child, Sample(config, addresses), log)
    finally:
        if child.returncode is None:
            child.terminate()
            async with asyncio.timeout(20):
                assert await child.wait() == 0, log.read_text("utf-8")
