"""Rooms made, changed and staffed, and preferences kept, over the wire."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perchat.errors import CommandFailed, ErrorCode, InvalidArgument
from perchat.markup import Element
from perchat.model.chatroom import Behavior, Permission, Privacy, Role
from perchat.model.invitation import InviteSetting
from perchat.model.preference import Preference
from perchat.model.roomdetails import (
    RoleChange,
    RoleOperation,
    RoomDetails,
    RoomSettings,
    RoomUpdate,
)
from perchat.server.admin import administration
from perchat.server.managing import MANAGING
from perchat.xccos.blocks import Joined, Nothing, RoomUris, Unknown
from perchat.xccos.managing import (
    Categories,
    PreferenceQuery,
    PreferenceReply,
    PreferenceVersion,
    RoleAssignment,
    RoleLists,
    RoleQuery,
    RoomLookup,
    RoomPermissions,
)
from tests.server.harness import PASSWORD, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.model.uri import CategoryUri, RoomUri
    from tests.server.harness import Sample

ALICE, BOB, CAROL = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol"))


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "data")
    async with administration(config) as admin:
        await admin.add_category("Projects", creators=("alice", "bob"), deny=("carol",))
    async with running(config) as sample:
        yield sample


async def projects(chat: PersistentChatEndpoint) -> CategoryUri:
    (category,) = (await chat.command("nodespermcreatechild", Nothing(), Categories)).categories
    return category.uri


async def code_of(
    chat: PersistentChatEndpoint, name: str, data: object, kind: type[object] = object
) -> ErrorCode:
    with pytest.raises(CommandFailed) as refused:
        await chat.command(name, data, kind)  # type: ignore[arg-type]  # also nonsense
    return refused.value.code


async def holders(chat: PersistentChatEndpoint, room: RoomUri, role: Role) -> list[str]:
    (held,) = (await chat.command("getroles", RoleQuery(room, role), RoleLists)).lists
    assert held.role is role
    return sorted(entry.principal.uri for entry in held.entries)


async def test_a_creator_makes_a_room_manages_it_and_is_no_member(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "carol") as carol:
        wanted = RoomSettings(
            "Ops",
            await projects(alice),
            description="24x7",
            privacy=Privacy.SECRET,
            behavior=Behavior.AUDITORIUM,
            invitations=InviteSetting.OFF,
            members=(BOB,),
            presenters=(BOB,),
        )
        made = await alice.command("chancreate", wanted, RoomDetails)
        assert (made.name, made.description, made.disabled) == ("Ops", "24x7", False)
        assert (made.privacy, made.behavior) == (Privacy.SECRET, Behavior.AUDITORIUM)
        assert made.invitations.local is InviteSetting.OFF
        assert made.category is not None
        assert made.category.uri == wanted.category
        assert made.changes.updated_on is not None
        for role, who in ((Role.MEMBER, [BOB]), (Role.MANAGER, [ALICE]), (Role.PRESENTER, [BOB])):
            assert await holders(alice, made.uri, role) == who
        rights = await alice.command("getperms", RoomUris((made.uri,)), RoomPermissions)
        assert rights.permission == Permission.MANAGE | Permission.VIEW
        assert await alice.command("getchan", RoomLookup(made.uri), RoomDetails) == made
        assert await alice.command("getchan", RoomLookup(name="OPS"), RoomDetails) == made
        for lookup in (RoomLookup(made.uri), RoomLookup(name="Ops")):
            assert await code_of(carol, "getchan", lookup) is ErrorCode.NO_SUCH_NODE


async def test_what_makes_no_room_is_refused_with_its_reason(sample: Sample) -> None:
    async with sample.admin() as admin:
        await admin.add_user("erin", PASSWORD)  # in scope, and no creator
    async with (
        connect(sample, "alice") as alice,
        connect(sample, "erin") as erin,
        connect(sample, "carol") as carol,
    ):
        good = RoomSettings("Ops", await projects(alice))
        refusals = [
            (replace(good, name="general"), ErrorCode.DUPLICATE_ROOM_NAME),
            (replace(good, name="Projects"), ErrorCode.DUPLICATE_ROOM_NAME),
            (replace(good, name=""), ErrorCode.INVALID_ARGUMENT),
            (replace(good, name="x" * 257), ErrorCode.INVALID_ARGUMENT),
            (replace(good, add_in="no-such"), ErrorCode.INVALID_ARGUMENT),
            (replace(good, members=(CAROL,)), ErrorCode.PRINCIPALS_NOT_IN_SCOPE),
            (replace(good, members=("sip:x@example.com",)), ErrorCode.NO_SUCH_PRINCIPAL),
            (
                replace(good, behavior=Behavior.AUDITORIUM, presenters=(BOB,)),
                ErrorCode.PRESENTER_NOT_IN_MEM_LIST,
            ),
            (
                replace(good, category=alice.server.root_category),
                ErrorCode.NODE_HIERARCHY_VIOLATION,
            ),
        ]
        for wanted, code in refusals:
            assert await code_of(alice, "chancreate", wanted) is code, wanted
        assert await code_of(erin, "chancreate", good) is ErrorCode.UNABLE_TO_CREATE_ROOM
        assert await code_of(carol, "chancreate", good) is ErrorCode.NO_SUCH_NODE  # out of scope


async def test_of_two_managers_at_once_the_second_is_told_to_look_again(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        wanted = RoomSettings("Ops", await projects(alice), managers=(BOB,))
        first = await alice.command("chancreate", wanted, RoomDetails)
        read = first.changes.updated_on
        renamed = RoomUpdate(first.uri, name="Operations", expected=read)
        changed = await bob.command("chanmodify", renamed, RoomDetails)
        assert (changed.name, changed.description) == ("Operations", "")
        stale = RoomUpdate(first.uri, description="24x7", expected=read)
        assert await code_of(alice, "chanmodify", stale) is ErrorCode.DATA_COLLISION
        fresh = replace(stale, expected=changed.changes.updated_on)
        again = await alice.command("chanmodify", fresh, RoomDetails)
        assert (again.name, again.description) == ("Operations", "24x7")
        assert again.changes.updated_by == ALICE


async def test_only_managers_change_a_room_and_creators_move_it(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        general, target = await alice.find("General"), await projects(alice)
        for update in (RoomUpdate(general, name="Mine"), RoomUpdate(general, category=target)):
            assert await code_of(bob, "chanmodify", update) is ErrorCode.ERROR_PERMISSION
        assert CAROL in await holders(alice, general, Role.MEMBER)
        moved = await alice.command("chanmodify", RoomUpdate(general, category=target), RoomDetails)
        assert moved.category is not None
        assert moved.category.uri == target
        assert CAROL not in await holders(alice, general, Role.MEMBER)  # the target denies her
        disabled = RoomUpdate(general, disabled=True)
        assert (await alice.command("chanmodify", disabled, RoomDetails)).disabled
        enabled = RoomUpdate(general, disabled=False)
        assert await code_of(alice, "chanmodify", enabled) is ErrorCode.ERROR_PERMISSION


async def test_roles_are_given_taken_and_replaced(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        general = await alice.find("General")

        async def assign(*changes: RoleChange) -> list[list[str]]:
            data = RoleAssignment(general, changes)
            lists = (await alice.command("setroles", data, RoleLists)).lists
            return [sorted(entry.principal.uri for entry in held.entries) for held in lists]

        add, remove, put = RoleOperation
        assert await assign(RoleChange(Role.MANAGER, add, (BOB,))) == [[ALICE, BOB]]
        assert await holders(bob, general, Role.MANAGER) == [ALICE, BOB]
        assert await assign(RoleChange(Role.MANAGER, remove, (BOB,))) == [[ALICE]]
        assert await assign(RoleChange(Role.MEMBER, put, (ALICE, BOB))) == [[ALICE, BOB]]
        both = await assign(
            RoleChange(Role.MEMBER, add, (CAROL,)), RoleChange(Role.MANAGER, put, (ALICE, BOB))
        )
        assert both == [[ALICE, BOB, CAROL], [ALICE, BOB]]
        refusals = [
            (RoleChange(Role.MEMBER, add, (BOB,)), ErrorCode.PRINCIPALS_ALREADY_DEFINED),
            (RoleChange(Role.CREATOR, add, (BOB,)), ErrorCode.INVALID_ARGUMENT),
            (RoleChange(Role.MEMBER, add, ("sip:x@example.com",)), ErrorCode.NO_SUCH_PRINCIPAL),
        ]
        for change, code in refusals:
            assert await code_of(alice, "setroles", RoleAssignment(general, (change,))) is code
        nothing = RoleChange(Role.MEMBER, put, ()), RoleChange(Role.CREATOR, add, (BOB,))
        refused = await code_of(alice, "setroles", RoleAssignment(general, nothing))
        assert refused is ErrorCode.INVALID_ARGUMENT
        assert await holders(alice, general, Role.MEMBER) == [ALICE, BOB, CAROL]  # all or none
        creators = RoleQuery(general, Role.CREATOR)
        assert await code_of(alice, "getroles", creators) is ErrorCode.INVALID_ARGUMENT


async def test_who_is_a_member_is_for_insiders_and_rights_are_for_who_sees_the_room(
    sample: Sample,
) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        private, general = await alice.find("Private"), await alice.find("General")
        rights = await bob.command("getperms", RoomUris((private,)), RoomPermissions)
        assert (rights.user, rights.permission) == (BOB, Permission.VIEW)
        members = RoleQuery(private, Role.MEMBER)
        assert await code_of(bob, "getroles", members) is ErrorCode.ERROR_PERMISSION
        several = RoomUris((private, general))
        assert await code_of(bob, "getperms", several) is ErrorCode.INVALID_ARGUMENT
        async with sample.admin() as admin:
            await admin.set_room("Private", privacy=Privacy.SECRET)
        async with asyncio.timeout(5):
            while await code_of(bob, "getroles", members) is not ErrorCode.NO_SUCH_NODE:
                await asyncio.sleep(0.02)
        unseen = await code_of(bob, "getperms", RoomUris((private,)))
        assert unseen is ErrorCode.NO_SUCH_NODE


async def test_who_is_in_an_ordinary_room_was_told_and_is_not_asked_for(sample: Sample) -> None:
    async with connect(sample, "alice") as alice:
        general = await alice.find("General")
        asked = RoomUris((general,))
        assert await code_of(alice, "gethiddenparts", asked, Joined) is ErrorCode.USER_NOT_JOINED
        async with alice.join(general):
            code = await code_of(alice, "gethiddenparts", asked, Joined)
            assert code is ErrorCode.CANNOT_GET_PARTICIPANT_LIST


async def test_preferences_are_kept_by_version_and_only_for_their_user(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:

        async def read(
            chat: PersistentChatEndpoint, known: int, *, default: bool = False
        ) -> object:
            query = PreferenceQuery("app.Windows", known, default)
            return (await chat.command("getpref", query, PreferenceReply)).preference

        async def write(version: int, data: str) -> int:
            bundle = Preference("app.Windows", version, data)
            return (await alice.command("setpref", bundle, PreferenceVersion)).version

        assert await read(alice, -1) is None
        assert await read(alice, -1, default=True) == Preference("app.Windows", 0)
        assert await read(alice, 0, default=True) is None
        first = await write(0, "QQ==")
        assert await read(alice, 0, default=True) == Preference("app.Windows", first, "QQ==")
        assert await read(alice, first, default=True) is None
        assert await write(71, "Qg==") == first + 1  # legacy clients count by themselves
        late = Preference("app.Windows", first, "Qw==")
        assert await code_of(alice, "setpref", late) is ErrorCode.DATA_COLLISION
        assert await read(bob, -1) is None
        assert await write(-1, "RA==") == first + 2  # whatever is there
        unwritten = Preference("app.Linux", -1, "RQ==")
        kept = await alice.command("setpref", unwritten, PreferenceVersion)
        assert kept.version == 1
        long = Preference("x" * 256, 0, "")
        assert await code_of(alice, "setpref", long) is ErrorCode.INVALID_ARGUMENT
        large = Preference("app.Large", 0, "x" * 131_073)
        assert await code_of(alice, "setpref", large) is ErrorCode.LIMIT_EXCEEDED


@pytest.mark.parametrize("name", sorted(MANAGING))
async def test_data_of_no_use_is_refused(sample: Sample, name: str) -> None:
    nonsense = Unknown(name, Element("data", {}, (Element("chanib", {"uri": "nowhere"}),)))
    async with connect(sample, "bob") as bob:
        with pytest.raises(InvalidArgument):
            await bob.command(name, nonsense, RoomDetails)
