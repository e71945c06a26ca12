"""Rooms, people and preferences without await, against the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import pytest

import perchat.blocking as perchat
from tests.blocking.test_adapter import connect, script

if TYPE_CHECKING:
    from tests.client.server import LiveServer


async def test_services_are_there_without_await(server: LiveServer) -> None:
    def work() -> None:
        with connect(server, "alice") as chat, chat.join("Lobby") as room:
            services = chat.rooms
            assert_type(services, perchat.RoomServices)
            assert_type(services.get(room.name), perchat.RoomDetails)
            assert services.get("Lobby").uri == room.uri
            members = services.members("Lobby")
            assert [one.principal.display_name for one in members] == ["Alice", "Bob"]
            assert {one.name for one in chat.my_rooms()} == {"Lobby", "Annex"}
            assert [one.uri for one in chat.users.find(first="x")] == []
            assert chat.set_preference("seen", "42", 0) == 1
            posted = room.post(perchat.MessageBuilder().text("Hello"), title="Title")
            assert posted.message is not None
            assert posted.message.title == "Title"
            assert [one.name for one in room.all_participants()] == ["Alice"]
            with pytest.raises(ValueError):
                services.grant("Lobby", perchat.Role.CREATOR, "sip:bob@example.com")

    await script(work)
