"""What the real pidgin-sipe client shows of a file that was put into a room."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from perchat.testing.peers import SipeAccount, SipeClient
from tests.server.harness import PASSWORD, running
from tests.server.soap import with_files
from tests.server.talking import connect

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("sipe")


async def test_a_file_is_its_name_size_and_address(tmp_path: Path, driver: Path) -> None:
    config = await with_files(tmp_path / "server")
    async with running(config) as sample:
        account = SipeAccount(
            uri="sip:bob@example.com",
            login="bob",
            password=PASSWORD,
            port=sample.tls[1],
            transport="tls",
        )
        async with (
            SipeClient(driver, account) as bob,
            connect(sample, "alice", tcp=False) as alice,
            alice.join("Plans") as room,
        ):
            await bob.join("Plans")
            uri = await room.upload(io.BytesIO(b"x" * 10_240), name="Q3 & more.pdf")
            shown = f"Q3 & more.pdf (10 kilobytes) <{uri}>"
            await bob.hears(shown)
            await bob.leave()
            await bob.join("Plans")  # and in the history of who comes later
            await bob.told("message", text=shown, history=True)
