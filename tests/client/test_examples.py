"""The example programs, run as a reader would run them, against the real server."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

import perchat
from perchat.server.admin import administration
from tests.client.server import install_sample, live
from tests.server.trusting import trusting

if TYPE_CHECKING:
    from tests.client.peer import Peer
    from tests.client.server import LiveServer

EXAMPLES = Path(__file__).parents[2] / "examples"
LONGER = {  # lines; the original's samples and scenarios do more than one thing
    "custom_client.py": 80,
    "digest.py": 80,
    "faq.py": 60,
    "load_test.py": 160,
    "mixed_privacy.py": 100,
    "moderator.py": 70,
    "sample_chat.py": 60,
    "search_rooms.py": 60,
}


async def started(
    example: str, *arguments: str, password: str = "alice-Pass-1"
) -> asyncio.subprocess.Process:
    """Start an example."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / example),
        *arguments,
        env={**os.environ, "PERCHAT_PASSWORD": password, "PYTHONWARNINGS": "error"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(example: str, *arguments: str, password: str = "alice-Pass-1") -> str:
    """Run an example to its end and return what it printed."""
    process = await started(example, *arguments, password=password)
    out, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    return out.decode()


@pytest.mark.parametrize("transport", ["tls", "tcp"])
@pytest.mark.requirement("R71", "R73")
async def test_the_two_steps_spelt_out(server: LiveServer, transport: str) -> None:
    address = server.tls if transport == "tls" else server.tcp
    out = await run(
        "connect_as_user.py",
        "sip:alice@example.com",
        *("--user", "alice@example.com", "--server", address),
        *("--transport", transport, "--ca", str(server.ca)),
    )
    assert out.splitlines() == [
        "connected to sip:perchat@example.com as sip:alice@example.com",
        "messages up to 8192 bytes",
        "chat was establishing",
        "chat was established",
        "chat was terminating",
        "chat was terminated",
    ]


@pytest.mark.requirement("R73")
async def test_the_same_program_meets_servers_of_several_kinds_by_its_settings_alone(
    peer: Peer, tmp_path: Path
) -> None:
    """A scripted one, and ours with an address and limits of its own."""
    config = await install_sample(tmp_path / "other")
    chat = msgspec.structs.replace(config.chat, pool_uri="sip:talk@example.com")
    limits = msgspec.structs.replace(config.limits, message_bytes=4000)
    told = []
    async with live(msgspec.structs.replace(config, chat=chat, limits=limits)) as server:
        for address, password in ((peer.address, "Secret-1"), (server.tcp, "alice-Pass-1")):
            out = await run(
                "connect_as_user.py",
                "sip:alice@example.com",
                *("--user", "alice", "--server", address, "--transport", "tcp"),
                password=password,
            )
            connected, limit = out.splitlines()[:2]
            told.append((connected.split()[2], limit))
    assert told == [
        ("sip:perchat@example.com", "messages up to 512 bytes"),
        ("sip:talk@example.com", "messages up to 4000 bytes"),
    ]


@pytest.mark.requirement("R71")
async def test_the_second_block_of_the_page_with_its_own_values(tmp_path: Path) -> None:
    async with trusting(tmp_path / "server") as there:
        out = await run(
            "connect_as_application.py",
            "sip:reportbot@contoso.com",
            *("--store", str(there.certificate.parent), "--listen", there.listen),
            *("--proxy", "{}:{}".format(*there.sample.tls), "--ca", str(there.ca)),
        )
    connected, room = out.splitlines()
    assert connected == "connected to sip:perchat@contoso.com as sip:reportbot@contoso.com"
    assert room.startswith("Ops ma-chan://contoso.com/")


@pytest.mark.requirement("R71", "R73")
async def test_join_post_and_listen_then_the_short_form(server: LiveServer) -> None:
    trusted = ("--server", server.tls, "--ca", str(server.ca))
    said = await run("join_post_listen.py", "sip:alice@example.com", "Lobby", "Hello", *trusted)
    assert said.rstrip().endswith("sip:alice@example.com: Hello")
    found = await run("short_form.py", "sip:alice@example.com", "Lobby", *trusted)
    lines = found.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["Annex", "Lobby"]
    assert lines[2] == "1 sip:alice@example.com Hello"


async def test_history_searched_in_several_rooms(server: LiveServer) -> None:
    async with server.connect("alice") as chat:
        for room, text in (("Lobby", "the deadline"), ("Annex", "a budget"), ("Annex", "Budget?")):
            async with chat.join(room) as session:
                await session.post(text)
    trusted = ("--server", server.tls, "--ca", str(server.ca))
    words = ("Lobby Annex", "deadline budget")
    out = await run("search_history.py", "sip:alice@example.com", *words, *trusted)
    assert [line.strip() for line in out.splitlines()] == [
        "Annex 2",
        "Lobby 1",
        "Annex 2 sip:alice@example.com Budget?",
        "Annex 1 sip:alice@example.com a budget",
        "Lobby 1 sip:alice@example.com the deadline",
    ]


async def test_a_file_sent_and_fetched_again_over_tls(server: LiveServer, tmp_path: Path) -> None:
    async with administration(server.config) as admin:
        await admin.add_category("Shared", file_posts=True)
        await admin.add_room("Plans", "Shared", members=["alice"])
    plan, copy = tmp_path / "plan.pdf", tmp_path / "copy.pdf"
    plan.write_bytes(b"the plan" * 100_000)
    trusted = ("--server", server.tls, "--ca", str(server.ca))
    words = ("Plans", str(plan), str(copy))
    out = await run("upload_download.py", "sip:alice@example.com", *words, *trusted)
    lines = out.splitlines()
    assert (lines[0], lines[1]) == ("0% of 800000", "48% of 800000")
    stored = next(line for line in lines if line.startswith("stored as ma-filelink://"))
    assert stored.endswith(".pdf")
    assert lines[-2:] == ["100%", "sip:alice@example.com posted plan.pdf"]
    assert copy.read_bytes() == plan.read_bytes()


async def test_a_room_and_its_people_followed(server: LiveServer) -> None:
    async with server.connect("bob") as bob, bob.join("Lobby") as session:
        await session.post("news")
        await bob.presence.publish(perchat.Availability.AWAY, "at lunch")
        trusted = ("--server", server.tls, "--ca", str(server.ca))
        for unread in (1, 0):
            out = await run("follow.py", "sip:alice@example.com", "Lobby", *trusted)
            first, news, *people = out.splitlines()
            assert (first, news) == (f"Lobby unread: {unread}", "sip:bob@example.com news")
            assert sorted(people) == [
                "sip:alice@example.com BUSY reading",
                "sip:bob@example.com AWAY at lunch",
            ]


@pytest.mark.requirement("R69", "R71")
async def test_a_script_without_async(server: LiveServer) -> None:
    words = ("--server", server.tls, "--ca", str(server.ca), "--wait", "0.2")
    for text in ("Hello", "Again"):
        out = await run("blocking_script.py", "sip:alice@example.com", "Lobby", text, *words)
    assert out.splitlines() == ["before: sip:alice@example.com: Hello", "that is all"]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short(example: Path) -> None:
    assert len(example.read_text().splitlines()) <= LONGER.get(example.name, 40)
