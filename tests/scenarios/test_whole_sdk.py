"""What the original SDK has besides, and no scenario asks for: through SDK and real server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import perchat
from perchat import Behavior, Emoticon, InviteSetting, Permission, PrincipalType, Privacy, Role
from tests.scenarios.world import ALICE, BOB, CAROL, DOMAIN, MALLORY, category

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.world import World

FACES = {
    Emoticon.SMILE: ":)",
    Emoticon.FROWN: ":(",
    Emoticon.COOL: "8-)",
    Emoticon.LAUGHING: ":-D",
    Emoticon.SHOCKED: ":-O",
    Emoticon.CONFUSED: ":-/",
    Emoticon.CRYING: ":'(",
    Emoticon.TONGUE: ":-P",
    Emoticon.WINK: ";)",
    Emoticon.ANGRY: ">:O",
    Emoticon.KISSING: ":-*",
}


async def test_every_face_arrives_as_it_was_sent(world: World) -> None:
    sad = (Emoticon.FROWN, Emoticon.SHOCKED, Emoticon.CONFUSED, Emoticon.CRYING, Emoticon.ANGRY)
    glad = (Emoticon.SMILE, Emoticon.COOL, Emoticon.LAUGHING, Emoticon.TONGUE, Emoticon.WINK)
    async with world.connect("alice") as alice:
        place = await category(alice, "Projects")
        room = await alice.rooms.create("Faces", place, join_self=True)
        async with alice.join(room) as session:
            for face in (*sad, *glad, Emoticon.KISSING):
                posted = await session.post(perchat.MessageBuilder().emoticon(face))
                assert posted.message is not None
                assert posted.message.text == face.code == FACES[face]
                assert posted.message.parts == (perchat.EmoticonPart(face),)
                assert posted.message.room_uri == room.uri
    assert set(FACES) == set(Emoticon)
    assert list(FACES) == sorted(FACES)  # the original's numbers


async def test_a_session_tells_what_the_room_is(world: World) -> None:
    async with world.administrator() as administrator:
        board = await administrator.add_add_in("Board", "https://example.com/board")
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        place = await category(alice, "Projects")
        while board.id not in {one.id for one in await alice.rooms.add_ins()}:
            await asyncio.sleep(0.02)
        room = await alice.rooms.create(
            "Alpha", place, description="the first", add_in=board, members=[ALICE, BOB]
        )
        async with alice.join(room) as session, bob.join(room) as his:
            assert (session.name, session.description) == ("Alpha", "the first")
            assert (session.category, session.uri) == (place.uri, room.uri)
            assert session.add_in == room.add_in == board
            assert (board.name, board.url) == ("Board", "https://example.com/board")
            assert str(UUID(board.id)) == board.id
            assert (session.keeps_history, session.invites, session.can_post_files) == (True,) * 3
            assert (session.is_auditorium, session.is_secret) == (False, False)
            assert (session.can_post, session.can_manage, his.can_manage) == (True, True, False)
            hers, him = his.participants
            assert (hers.uri, hers.name, hers.is_manager) == (ALICE, "Alice", True)
            assert (him.is_manager, him.is_presenter) == (False, False)
            members = {one.principal.uri: one.principal for one in await alice.rooms.members(room)}
            assert [hers.guid, him.guid] == [members[uri].guid for uri in (ALICE, BOB)]
            assert len({hers.guid, him.guid} - {""}) == 2
        (shown,) = await bob.rooms.using(board)
        assert (shown.uri, shown.add_in) == (room.uri, board)
        bare = await alice.rooms.update(room, add_in="")
        assert bare.add_in is None
        assert await bob.rooms.using(board) == []
        async with world.administrator() as administrator:
            await administrator.add_category("Bare", creators=["alice"], keeps_history=False)
        bare = await alice.rooms.create("Omega", await category(alice, "Bare"), join_self=True)
        async with alice.join(bare) as session:
            assert (session.keeps_history, session.invites, session.can_post_files) == (False,) * 3


async def test_a_room_is_told_with_its_category_history_and_invitations(world: World) -> None:
    async with world.administrator() as administrator:
        await administrator.add_category(
            "Labs", description="what may fail", creators=["alice"], invitations=True
        )
    async with world.connect("alice") as alice:
        labs = await category(alice, "Labs")
        assert (labs.description, labs.invitations) == ("what may fail", True)
        room = await alice.rooms.create("Alpha", labs, invitations=InviteSetting.OFF)
        assert room.category == labs
        off = perchat.Invitations(local=InviteSetting.OFF, inherited=True)
        assert room.invitations == off
        assert not room.invitations.effective
        on = await alice.rooms.update(room, invitations=InviteSetting.INHERIT)
        assert (on.invitations.local, on.invitations.inherited) == (InviteSetting.INHERIT, True)
        assert on.invitations.effective
        assert (room.changes.created_by, room.changes.updated_by) == (ALICE, ALICE)
        assert room.changes.created_on == room.changes.updated_on
        assert on.changes.created_on == room.changes.created_on
        assert (on.changes.updated_on or 0) != room.changes.updated_on
        assert on.snapshot.uri == on.uri
        assert on.disabled is False
        assert (await alice.rooms.update(room, disabled=True)).disabled is True
        traders = await category(alice, "Traders")
        assert traders.invitations is False
        deals = await alice.rooms.create("Deals", traders)
        assert (deals.invitations.inherited, deals.invitations.effective) == (False, False)


async def test_everything_about_a_room_is_changed_in_one_call(world: World) -> None:
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        room = await alice.rooms.create("Alpha", await category(alice, "Projects"))
        changed = await alice.rooms.update(
            room,
            name="Omega",
            description="the last",
            privacy=Privacy.SECRET,
            behavior=Behavior.AUDITORIUM,
            members=[BOB, CAROL],
            managers=[ALICE, BOB],
            presenters=[CAROL],
            expected=room,
        )
        assert (changed.name, changed.description) == ("Omega", "the last")
        assert (changed.privacy, changed.behavior) == (Privacy.SECRET, Behavior.AUDITORIUM)
        lists = [
            await alice.rooms.members(room),
            await alice.rooms.managers(room),
            await alice.rooms.presenters(room),
        ]
        assert [{entry.principal.uri for entry in one} for one in lists] == [
            {BOB, CAROL},
            {ALICE, BOB},
            {CAROL},
        ]
        async with bob.join(changed) as session:
            assert (session.can_manage, session.can_post) == (True, False)
        may = await bob.rooms.permissions(changed)
        assert Permission.MANAGE | Permission.JOIN | Permission.VIEW in may
        assert Permission.POST_IN_AUDITORIUM not in may
        async with world.connect("carol") as carol:
            assert Permission.POST_IN_AUDITORIUM in await carol.rooms.permissions(changed)
        async with world.connect("mallory") as mallory:
            await alice.rooms.update(room, privacy=Privacy.CLOSED)
            none = await mallory.rooms.permissions(changed) & ~Permission.VIEW
            assert none == Permission.NONE


async def test_who_could_hold_a_role_is_found_by_name(world: World) -> None:
    async with world.administrator() as administrator:
        await administrator.add_group("sales", ["bob"], container=True)
        await administrator.add_category("Open floor", creators=["alice"])
    async with world.connect("alice") as alice, world.connect("admin") as admin:
        floor, traders = await category(alice, "Open floor"), await category(alice, "Traders")
        assert {one.name for one in await alice.rooms.eligible_creators(traders, "tra")} == {
            "traders"
        }
        assert await alice.rooms.eligible_creators(traders, "mal") == []
        room = await alice.rooms.create("Deals", traders)
        (found,) = await alice.rooms.eligible(room, Role.MEMBER, "aro")
        assert (found.uri, found.display_name, found.type) == (CAROL, "Carol", PrincipalType.USER)
        (group,) = await alice.rooms.eligible(room, Role.MEMBER, "traders")
        assert (group.name, group.type) == ("traders", PrincipalType.GROUP)
        assert await alice.rooms.eligible(room, Role.MEMBER, "mallory") == []
        (folder,) = await alice.rooms.eligible_creators(floor, "sales")
        assert (folder.name, folder.type) == ("sales", PrincipalType.FOLDER)
        told = await admin.users.get_group(folder)
        assert (told.uri, told.type, told.member_of) == (folder.uri, PrincipalType.FOLDER, ())
        (found,) = await admin.users.find(first="mallory")
        mallory = await admin.users.get(found)
        assert (mallory.uri, mallory.name) == (MALLORY, "mallory")
        assert len({found.guid, group.guid, folder.guid} - {""}) == 3
        domain = await alice.rooms.update(
            await alice.rooms.create("All", floor), members=[f"domain:{DOMAIN}"]
        )
        (everybody,) = await alice.rooms.members(domain)
        assert everybody.principal.type is PrincipalType.DOMAIN


async def test_a_file_goes_to_the_room_and_comes_back(world: World, tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("all of it", "utf-8")
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        place = await category(alice, "Projects")
        room = await alice.rooms.create("Alpha", place, members=[ALICE, BOB])
        async with alice.join(room) as hers, bob.join(room) as his:
            heard = his.messages()
            upload = hers.upload(tmp_path / "plan.txt")
            assert (upload.done, upload.progress.percent) == (False, 0)
            stored = await upload
            assert (upload.done, upload.cancelled) == (True, False)
            assert (upload.progress.transferred, upload.progress.total) == (9, 9)
            (part,) = (await anext(heard)).parts
            assert isinstance(part, perchat.FilePart)
            assert (part.name, part.uri, part.size) == ("plan.txt", stored, 9)
            download = his.download(part, tmp_path / "copy.txt")
            assert await download == tmp_path / "copy.txt"
            assert (download.done, download.progress.percent) == (True, 100)
    assert (tmp_path / "copy.txt").read_text("utf-8") == "all of it"
