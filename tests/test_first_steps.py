"""The pieces of the page of first steps, run one after the other as they stand there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import perchat
from perchat.server.admin import administration
from perchat.server.install import install
from tests.server.harness import running

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parent.parent / "docs" / "tutorial" / "first-steps.md"
PROGRAM, *PIECES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
SHOWN = [
    "Alice Adams: Who is there?",
    "3 ['See ', 'the plan', ':)']",
    "4 ['Release 1.2', 'All steps are in the wiki.']",
    "2 messages have one of the words",
    "4 [STORY]Release 1.2",
    "All steps are in the wiki.",
    '3 See <a href="https://example.com/plan">the plan</a>:)',
    "Lobby has 1 people in it",
    "['Alice Adams', 'Bob Brown']",
    "DUPLICATE_ROOM_NAME",
]


async def test_each_piece_does_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = await install(tmp_path / "chat", "example.com")
    async with administration(config) as admin:
        await admin.add_user("alice", "Secret-1", display_name="Alice Adams")
        await admin.add_user("bob", "Secret-2", display_name="Bob Brown")
        await admin.add_category("General", creators=["alice"])
        await admin.add_room("Lobby", "General", members=["alice", "bob"])
    async with running(config) as sample:
        alice = perchat.PasswordCredential("alice", "Secret-1")
        connecting = perchat.connect_user(
            "sip:alice@example.com",
            credential=alice,
            server=sample.addresses.sip_tls,
            ca=sample.ca,
        )
        async with connecting as chat, chat.join("Lobby") as room:
            assert 'await room.post("Hello from Python")' in PROGRAM
            await room.post("Hello from Python")
            known: dict[str, Any] = {"perchat": perchat, "chat": chat, "room": room}
            for piece in PIECES:
                body = textwrap.indent(piece, "    ")
                exec(f"async def piece():\n{body}    globals().update(locals())\n", known)
                await known["piece"]()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(SHOWN)
    assert [
        (line, shown) for line, shown in zip(lines, SHOWN, strict=True) if shown not in line
    ] == []
