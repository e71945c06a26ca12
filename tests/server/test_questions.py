"""Questions about history on the wire, under any name and of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.errors import CommandFailed, ErrorCode, InvalidArgument
from perchat.markup import Element
from perchat.model.history import HistoryQuery
from perchat.xccos.blocks import Histories, HistorySearch, RoomUris, Unknown
from perchat.xccos.encoder import encode
from perchat.xccos.primitives import Envelope, Reply
from tests.server.harness import make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.server.harness import Sample


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    async with running(await make_sample(tmp_path / "data")) as sample:
        yield sample


async def test_whatever_begins_with_bc_asks_about_history(sample: Sample) -> None:
    async with connect(sample, "alice") as chat, chat.join("General") as room:
        uri = await chat.find("General")
        await room.post("disk full")
        question = HistorySearch((uri,), HistoryQuery("disk"))
        for name in ("bcbydate", "bcbymsg", "bcwhatever"):
            found = await chat.command(name, question, Histories)
            assert [m.text for m in found.results[0].messages] == ["disk full"]
        nonsense = Unknown("bcwhatever", Element("data"))
        for name, data in (("bcbydate", nonsense), ("bcbymsg", nonsense), ("bcx", nonsense)):
            with pytest.raises(InvalidArgument):
                await chat.command(name, data, Histories)
        with pytest.raises(CommandFailed) as refused:
            await chat.command("cbdate", Unknown("cbdate", Element("data")), RoomUris)
        assert refused.value.code is ErrorCode.MSG_NOT_SUPPORTED


async def test_an_answer_stays_small_and_says_what_is_missing(sample: Sample) -> None:
    async with connect(sample, "alice") as chat, chat.join("General") as room:
        uri = await chat.find("General")
        for _ in range(30):
            await room.post("<&>\n" * 1_000)
        question = HistorySearch((uri,), HistoryQuery(search_newest_first=True))
        found = await chat.command("bcbydate", question, Histories)
        (result,) = found.results
        assert (result.messages[-1].id, result.total, result.truncated) == (30, 30, True)
        body = encode(Envelope("1", (Reply("bcbydate", found, "1", 1),)))
        assert 20_000 < len(body) < 65_536


async def test_what_was_missed_comes_in_one_answer(sample: Sample) -> None:
    async with connect(sample, "alice") as chat, chat.join("General") as room:
        uri = await chat.find("General")
        for _ in range(30):
            await room.post("x" * 4_000)
        question = HistorySearch((uri,), HistoryQuery(after_id=5))
        found = await chat.command("bcbymsg", question, Histories)
        assert [m.id for m in found.results[0].messages] == list(range(6, 31))
