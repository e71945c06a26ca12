"""``perchat trace``, and the option that records for it."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from perchat.cli.main import perchat
from perchat.net.tracefile import TraceFile
from tests.cli.commandline import ended
from tests.net.test_trace import seen
from tests.net.test_traceview import post
from tests.server.harness import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commandline import CommandLine


def shown(*words: str) -> str:
    done = CliRunner().invoke(perchat, ["trace", *words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def recorded(tmp_path: Path) -> str:
    file = TraceFile(tmp_path / "trace")
    for what, direction in (("connected", "note"), (post(), "out")):
        file(seen(what, direction))
    file.close()
    return str(file.path)


def test_blocks_for_people(recorded: str) -> None:
    text = shown(recorded)
    assert text.count("INFO sip:perchat@example.com;gruu SIP/2.0") == 1
    assert "<chat>Good morning," in text
    assert "connected" in text


def test_a_copy_for_a_report_holds_no_texts(recorded: str, tmp_path: Path) -> None:
    copy = shown(recorded, "--no-text", "--json")
    assert "Good morning" not in copy
    assert [json.loads(line)["direction"] for line in copy.splitlines()] == ["note", "out"]
    (tmp_path / "copy").write_text(copy)
    assert "(33 characters hidden)" in shown(str(tmp_path / "copy"))


def test_filters(recorded: str) -> None:
    assert shown(recorded, "--call", "nope") == ""
    assert shown(recorded, "--user", "alice", "--xccos", "--all-headers").count("Via: ") == 1


@pytest.mark.requirement("R72", "R21")
def test_both_ends_record_and_neither_records_a_secret(cli: CommandLine, tmp_path: Path) -> None:
    words = ("serve", "--tls-port", "0", "--tcp-port", "0", "--trace", str(tmp_path / "s"))
    server = cli.start(*words)
    try:
        assert server.stdout is not None
        at = replace(cli, tls=json.loads(server.stdout.readline())["sip_tls"])
        done = at.as_user("alice", "post", "General", "recorded", "--trace", str(tmp_path / "c"))
        assert done.status == 0, done.err
    finally:
        server.terminate()
        ended(server)
    for name in ("c", "s"):
        file = tmp_path / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "recorded" in file.read_text()
        assert PASSWORD not in file.read_text()
