"""A disk without room: posts are refused, nothing is lost, nobody is thrown out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perchat
from tests.server.harness import make_sample
from tests.server.process import process
from tests.server.talking import connect

if TYPE_CHECKING:
    from pathlib import Path

IMPATIENT = perchat.EndpointOptions(timers=perchat.ClientTimers(busy=()))


async def test_a_full_disk_refuses_posts_and_recovers_by_itself(tmp_path: Path) -> None:
    config = await make_sample(tmp_path / "server")
    async with (
        process(config) as server,
        connect(server.sample, "alice", options=IMPATIENT) as one,
        connect(server.sample, "bob") as two,
        one.join("General") as speaker,
        two.join("General") as listener,
        asyncio.timeout(30),
    ):
        heard = listener.messages()
        await speaker.post("before")
        journal = config.path("perchat.db-wal")
        server.limit_files(journal.stat().st_size)
        with pytest.raises(perchat.ServerFault) as caught:
            await speaker.post("lost " * 100)
        assert caught.value.diagnostics.code == 20000
        assert [m.text for m in await listener.recent(10)] == ["before"]
        server.limit_files(-1)
        await speaker.post("after")
        assert [(await anext(heard)).text for _ in range(2)] == ["before", "after"]
        assert [(m.id, m.text) for m in await speaker.recent(10)] == [(1, "before"), (2, "after")]
    assert "not stored" in server.log
