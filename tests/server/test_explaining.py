"""Administrators ask why somebody may or may not; nobody else is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.errors import NoSuchPrincipal, PermissionDenied, RoomNotFound
from perchat.model.explanation import Need, RoomAction
from perchat.model.uri import RoomUri
from perchat.server.admin import administration
from tests.server.harness import make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_system_user_is_told_why_somebody_may_not(tmp_path: Path) -> None:
    config = await make_sample(tmp_path / "data")
    async with administration(config) as admin:
        await admin.set_user("carol", system=True)
        private = (await admin.room("Private")).room.uri
    async with running(config) as sample:
        async with connect(sample, "carol") as chat:
            told = await chat.rooms.explain("sip:bob@example.com", private)
            join = next(answer for answer in told.answers if answer.action is RoomAction.JOIN)
            assert (join.allowed, join.missing) == (False, (Need.TAKES_PART,))
            assert (told.user, told.room, told.room_name) == (
                "sip:bob@example.com",
                private,
                "Private",
            )
            member = next(rule for rule in told.rules if rule.rule == "member")
            assert not member.holds
            own = await chat.rooms.explain("sip:alice@example.com", private)
            assert all(answer.allowed for answer in own.answers if answer.action is RoomAction.JOIN)
            with pytest.raises(NoSuchPrincipal):
                await chat.rooms.explain("sip:nobody@example.com", private)
            with pytest.raises(RoomNotFound):
                await chat.rooms.explain("sip:bob@example.com", RoomUri.of("example.com", "none"))
        async with connect(sample, "alice") as chat:
            with pytest.raises(PermissionDenied):
                await chat.rooms.explain("sip:bob@example.com", private)
