"""Rooms, people and preferences without await, against the real server."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, assert_type

import pytest

import perchat.blocking as perchat
from perchat.model.administration import AdministrativeRole
from perchat.server.admin import administration
from tests.blocking.test_adapter import connect, script

if TYPE_CHECKING:
    from pathlib import Path

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


async def test_moderation_and_administration_need_no_await(server: LiveServer) -> None:
    async with administration(server.config) as admin:
        for role in AdministrativeRole:
            await admin.grant_role("alice", role)

    def work() -> None:
        with connect(server, "alice") as chat, chat.join("Lobby") as room:
            room.post("an otter")
            assert_type(chat.moderation, perchat.ModerationServices)
            assert [one.text for one in chat.moderation.find("Lobby", "otter")] == ["an otter"]
            assert chat.moderation.remove("Lobby", "otter") == (1,)
            assert_type(chat.admin, perchat.AdminServices)
            assert {one.name for one in chat.admin.users.list()} >= {"alice", "bob"}
            assert chat.admin.rooms.get("Lobby").room.uri == room.uri
            assert len(chat.admin.grants()) == 2

    await script(work)


async def test_a_file_is_sent_and_fetched_without_await(server: LiveServer, tmp_path: Path) -> None:
    async with administration(server.config) as admin:
        await admin.set_category("General", add={}, remove={}, file_posts=True)
    plan, copy = tmp_path / "plan.txt", tmp_path / "copy.txt"
    plan.write_bytes(b"the plan" * 100_000)

    def work() -> None:
        with connect(server, "alice") as chat, chat.join("Lobby") as room:
            upload = room.upload(plan)
            assert_type(upload, perchat.FileTransfer[perchat.FileUri])
            steps = [progress.percent for progress in upload]
            assert (steps[0], steps[-1]) == (0, 100)
            uri = upload.result()
            for file in room.files():
                assert_type(file, perchat.PostedFile)
                assert file.part.uri == uri
            assert room.download(uri, copy).result() == copy
            assert copy.read_bytes() == plan.read_bytes()
            with room.upload(io.BytesIO(b"never"), name="never") as unwanted:
                assert unwanted.cancel()
            with pytest.raises(perchat.UploadFailed):
                unwanted.result()

    await script(work)


async def test_rooms_and_people_are_followed(server: LiveServer) -> None:
    def work() -> None:
        with connect(server, "bob") as bob, connect(server, "alice") as alice:
            followed = alice.followed_changes()
            with connect(server, "alice") as phone:
                phone.rooms.follow("Lobby")
                lobby = phone.find("Lobby")
            assert next(followed) == perchat.FollowedRoomsChanged((lobby,))
            with bob.join(lobby) as talking, alice.join(lobby) as session:
                talking.post("hello")
                assert (alice.rooms.followed(), session.unread()) == ([lobby], 1)
                session.mark_read(1)
                assert session.unread() == 0
            with alice.presence.subscribe(bob.owner_uri) as view:
                changes = view.changes()
                bob.presence.publish(perchat.Availability.AWAY, "at lunch")
                told = perchat.Presence(bob.owner_uri, perchat.Availability.AWAY, "at lunch")
                assert next(changes) == told == view.presences[bob.owner_uri]

    await script(work)
