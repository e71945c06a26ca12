"""
SIPp against a real server process: what a SIP tester expects of anybody.

Debian's SIPp is built without TLS, so these run over TCP. One scenario a file; the
messages stand there as they go over the wire.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perchat.testing.peers import run_sipp

if TYPE_CHECKING:
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
