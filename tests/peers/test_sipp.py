"""
SIPp against a real server process: what a SIP tester expects of anybody.

Debian's SIPp is built without TLS, so these run over TCP. One scenario a file; the
messages stand there as they go over the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perchat.testing.peers import run_sipp
from tests.server.trusting import POOL, Trusting, trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.peers.server import RunningServer

pytestmark = [pytest.mark.xdist_group("sipp"), pytest.mark.usefixtures("sipp")]

SCENARIOS = sorted((Path(__file__).parent / "sipp").glob("*.xml"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
async def test_sipp_gets_the_answers_its_scenario_expects(
    scenario: Path, server: RunningServer, tmp_path: Path
) -> None:
    verdict = await run_sipp(scenario, "127.0.0.1", server.tcp_port, tmp_path)
    assert verdict.passed, verdict.trace


def scenario_named(name: str) -> Path:
    return Path(__file__).parent / "sipp" / f"{name}.xml"


async def test_a_hundred_requests_over_one_connection_are_each_answered(
    server: RunningServer, tmp_path: Path
) -> None:
    questions = scenario_named("options")
    verdict = await run_sipp(questions, "127.0.0.1", server.tcp_port, tmp_path, calls=100)
    assert verdict.passed, verdict.trace


async def test_attempts_to_sign_in_run_out(server: RunningServer, tmp_path: Path) -> None:
    attempts = scenario_named("register-challenged")
    verdict = await run_sipp(attempts, "127.0.0.1", server.tcp_port, tmp_path, calls=11)
    assert verdict.trace.count("SIP/2.0 401 Unauthorized") >= 10
    assert "SIP/2.0 403 Forbidden" in verdict.trace


class TestSubscriber:
    """A subscriber that knows RFC 6665 and none of Microsoft's shortcuts."""

    SCENARIOS = sorted((Path(__file__).parent / "sipp" / "subscriber").glob("*.xml"))

    @pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
    async def test_it_is_told_all_that_it_subscribed_to(
        self, scenario: Path, tmp_path: Path
    ) -> None:
        async with trusting(tmp_path / "server") as server, tls_for(server) as port:
            verdict = await run_sipp(scenario, "127.0.0.1", port, tmp_path)
        assert verdict.passed, verdict.trace


@contextlib.asynccontextmanager
async def tls_for(server: Trusting) -> AsyncIterator[int]:
    """Put TLS, and the certificate of an application, around what comes by a port over TCP."""
    context = ssl.create_default_context(cafile=str(server.ca))
    context.load_cert_chain(server.certificate)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond = await asyncio.open_connection(
            *server.sample.tls, ssl=context, server_hostname=POOL
        )
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await asyncio.gather(carry(reader, beyond[1]), carry(beyond[0], writer))

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as entrance:
        yield int(entrance.sockets[0].getsockname()[1])
