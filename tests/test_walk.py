"""
One message, from user code to user code: read this first.

A server with a sample domain runs in the test's own loop; two users sign in, one over
TLS and one over TCP, as the original's how-to page does it, and one tells the other
good morning.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import perchat
from tests.server.harness import PASSWORD, make_sample, running

if TYPE_CHECKING:
    from pathlib import Path


async def test_ada_says_good_morning(tmp_path: Path) -> None:
    config = await make_sample(tmp_path / "server")
    async with running(config) as server, asyncio.timeout(10):
        host, port = server.tls
        platform = perchat.CollaborationPlatform.client("walk", ca=server.ca)
        credential = perchat.PasswordCredential("alice@example.com", PASSWORD)
        user = perchat.UserEndpoint(
            platform, "sip:alice@example.com", server=host, port=port, credential=credential
        )
        async with platform, user:
            address = (await user.provisioning()).chat.require_uri()
            assert address == "sip:perchat@example.com"

            chat = perchat.PersistentChatEndpoint(address, user)
            states, invitations = chat.state_changes(), chat.invitations()  # before connecting
            async with chat, chat.join("General") as alices_room:
                assert [(await anext(states)).state.name for _ in range(2)] == [
                    "ESTABLISHING",
                    "ESTABLISHED",
                ]
                host, port = server.tcp
                async with (
                    perchat.connect_user(
                        "sip:bob@example.com",
                        server=host,
                        port=port,
                        transport=perchat.Transport.TCP,
                        credential=perchat.PasswordCredential("bob@example.com", PASSWORD),
                    ) as bobs_chat,
                    bobs_chat.join("General") as bobs_room,
                ):
                    messages = bobs_room.messages()
                    await alices_room.post("Good morning")
                    message = await anext(messages)
                    assert (message.author, message.text) == (
                        "sip:alice@example.com",
                        "Good morning",
                    )
                    assert [p.name for p in bobs_room.participants] == ["Alice", "Bob"]
                    history = await bobs_room.recent(10)
                    assert [past.text for past in history] == ["Good morning"]
            invitations.close()
