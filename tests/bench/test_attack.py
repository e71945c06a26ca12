"""Floods are measured against a real server, which notices them, beside calm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import attack

if TYPE_CHECKING:
    from pathlib import Path

SAID = {
    "guessing": "sign-in as sip:alice@example.com held off, too many wrong passwords",
    "pouring": "has not signed in and is beyond its share",
    "headers": "headers too large",
    "elements": "of sip:carol@example.com sends more XML elements than it may",
}


@pytest.mark.parametrize("flood", SAID)
async def test_a_flood_is_noticed_by_the_server_and_measured_beside_calm(
    flood: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attack, "POSTS", 20)
    monkeypatch.setattr(attack, "FIRST", 2.0)
    figures = await attack.measured(flood, tmp_path / "data")
    found = {figure.name.partition(": ")[2]: figure for figure in figures}
    assert list(found) == ["calm p50", "calm p99", "p50", "p99", "processor", "memory"]
    assert found["p50"].wanted == 5 * found["calm p50"].value > 0
    assert (found["p99"].wanted, found["memory"].wanted) == (250, 128)
    assert SAID[flood] in (tmp_path / "data" / "log").read_text("utf-8")
