"""A trace in a file: private, bounded, and no trouble for the connection."""

from __future__ import annotations

import json
import logging
import stat
from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConfigurationError
from perchat.net.tracefile import TraceFile, previous, tracing_to
from tests.net.test_trace import exchange, seen

if TYPE_CHECKING:
    from pathlib import Path


def notes(path: Path) -> list[str]:
    return [json.loads(line)["note"] for line in path.read_text("utf-8").splitlines()]


@pytest.mark.requirement("R72")
def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.touch(0o644)
    TraceFile(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.requirement("R72")
def test_it_never_grows_beyond_twice_its_limit_and_keeps_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    file = TraceFile(path, limit=2000)
    for number in range(100):
        file(seen(f"note {number}", "note"))
        assert path.stat().st_size <= 2000
    file.close()
    assert previous(path).stat().st_size <= 2000
    assert stat.S_IMODE(previous(path).stat().st_mode) == 0o600
    kept = notes(previous(path)) + notes(path)
    assert kept == [f"note {number}" for number in range(100 - len(kept), 100)]


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    for number in range(2):
        file = TraceFile(tmp_path / "trace")
        file(seen(str(number), "note"))
        file.close()
    assert notes(tmp_path / "trace") == ["0", "1"]


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    settings = tmp_path / "perchat.toml"
    settings.write_text("[listen]\n")
    with pytest.raises(ConfigurationError, match="is not a trace"):
        TraceFile(settings)
    assert settings.read_text() == "[listen]\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path, tmp_path / "none" / "trace", tmp_path / "link"):
        with pytest.raises(ConfigurationError, match=str(path)):
            TraceFile(path)


def test_a_full_disk_ends_the_trace_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    file = TraceFile(tmp_path / "trace")
    monkeypatch.setattr("os.write", full)
    file(seen("one", "note"))
    file(seen("two", "note"))
    file.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"the trace to {tmp_path / 'trace'} ends: No space left on device"
    ]


@pytest.mark.requirement("R72")
async def test_all_connections_of_a_process_can_be_traced_for_a_while(tmp_path: Path) -> None:
    path, logger = tmp_path / "trace", logging.getLogger("perchat.wire")
    before = (logger.level, logger.propagate)
    with tracing_to(path):
        await exchange()
    assert (logger.level, logger.propagate) == before
    size = path.stat().st_size
    await exchange()
    assert path.stat().st_size == size
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({record["connection"] for record in records}) == 2  # both ends
    assert len({record["transaction"] for record in records if "start" in record}) == 1
