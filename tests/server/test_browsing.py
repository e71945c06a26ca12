"""Finding rooms, people and what is kept, over the wire; and nothing that is not for one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.errors import CommandFailed, ErrorCode, InvalidArgument
from perchat.markup import Element
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.principal import DirectoryUser, Group, PrincipalType, UserMatches
from perchat.server.admin import administration
from perchat.server.browsing import BROWSING
from perchat.server.rows import PAGE_LIMIT
from perchat.xccos.blocks import (
    InvitationQuery,
    Invitations,
    Nothing,
    QueryKind,
    RoomQuery,
    Rooms,
    Unknown,
)
from perchat.xccos.encoder import encode
from perchat.xccos.managing import (
    AddIns,
    AssociationQuery,
    Categories,
    PrincipalLookup,
    PrincipalQuery,
    Principals,
    UserQuery,
)
from perchat.xccos.primitives import Envelope, Reply
from tests.server.harness import make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.server.admin import Admin
    from tests.server.harness import Sample

ALICE, BOB, CAROL = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol"))


async def furnish(admin: Admin) -> None:
    """Rooms of every kind beside General (alice manages) and Private (alice)."""
    await admin.add_add_in("Wiki", "https://wiki.example.com/")
    await admin.add_group("Staff", ("bob", "carol"))
    await admin.add_category(
        "Projects", allow=("domain:example.com", "Staff"), creators=("alice",), invitations=True
    )
    await admin.add_room(
        "Hidden plan",
        "Projects",
        description="of bob",
        privacy=Privacy.SECRET,
        members=("bob",),
        managers=("bob",),
    )
    await admin.add_room(
        "Open plan", "Projects", privacy=Privacy.OPEN, add_in="Wiki", managers=("alice",)
    )
    await admin.add_room(
        "Stage",
        "Projects",
        behavior=Behavior.AUDITORIUM,
        members=("group:Staff", "alice"),
        presenters=("alice",),
        invites=False,
    )
    await admin.add_room("Closed for good", "Company", members=("bob",), managers=("alice",))
    await admin.set_room("Closed for good", disabled=True)


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "data")
    async with administration(config) as admin:
        await furnish(admin)
    async with running(config) as sample:
        yield sample


async def found(chat: PersistentChatEndpoint, **asked: object) -> list[str]:
    query = RoomQuery(**asked)  # type: ignore[arg-type]  # by name
    rooms = await chat.command("chansrch", query, Rooms)
    return [room.name for room in rooms.rooms]


async def code_of(
    chat: PersistentChatEndpoint, name: str, data: object, kind: type[object]
) -> ErrorCode:
    with pytest.raises(CommandFailed) as refused:
        await chat.command(name, data, kind)  # type: ignore[arg-type]  # also nonsense
    return refused.value.code


async def test_rooms_are_found_by_words_and_by_all_that_they_are(sample: Sample) -> None:
    async with connect(sample, "alice") as alice:
        rooms = {
            room.name: room for room in (await alice.command("chansrch", RoomQuery(), Rooms)).rooms
        }
        assert sorted(rooms) == ["General", "Open plan", "Private", "Stage"]
        wiki = rooms["Open plan"].add_in
        assert wiki is not None
        asked: dict[str, tuple[dict[str, object], list[str]]] = {
            "any word": ({"criteria": "plan gen"}, ["General", "Open plan"]),
            "all words": ({"criteria": "plan open", "match_all": True}, ["Open plan"]),
            "a phrase": ({"criteria": "plan open", "match_exact_phrase": True}, []),
            "descriptions": ({"criteria": "STAFF", "extended": True}, ["General"]),
            "names alone": ({"criteria": "staff"}, []),
            "privacy": ({"privacy": Privacy.OPEN}, ["Open plan"]),
            "behaviour": ({"behavior": Behavior.AUDITORIUM}, ["Stage"]),
            "category": ({"category": rooms["Stage"].category}, ["Open plan", "Stage"]),
            "add-in": ({"add_in": wiki.id}, ["Open plan"]),
            "disabled": ({"disabled": True}, ["Closed for good"]),
            "manager": ({"manager": ALICE}, ["General", "Open plan"]),
            "member": ({"member": BOB}, ["General", "Stage"]),
            "invitations off": ({"search_invites": True, "invites": False}, ["Stage"]),
            "invited": ({"search_invites": True, "invites": True}, ["Open plan"]),
            "at most": ({"max_results": 2}, ["General", "Open plan"]),
        }
        for what, (filters, names) in asked.items():
            assert await found(alice, **filters) == names, what
            filters = {"disabled": False} | filters
            assert await found(alice, kind=QueryKind.BYFILTER, **filters) == names, what
        everything = await found(alice, kind=QueryKind.BYFILTER)
        assert everything == ["Closed for good", "General", "Open plan", "Private", "Stage"]


async def test_rooms_are_found_by_category_add_in_address_and_who_is_there(
    sample: Sample,
) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        rooms = (await alice.command("chansrch", RoomQuery("Open plan"), Rooms)).rooms
        (plan,) = (room for room in rooms if room.name == "Open plan")
        hidden = await bob.find("Hidden plan")
        assert plan.add_in is not None
        by = QueryKind
        assert await found(bob, kind=by.BYCATEGORY, criteria=plan.category) == [
            "Hidden plan",
            "Open plan",
            "Stage",
        ]
        assert await found(alice, kind=by.BYADDIN, criteria=plan.add_in.id.upper()) == ["Open plan"]
        assert await found(alice, kind=by.BYURI, criteria=plan.uri) == ["Open plan"]
        assert await found(alice, kind=by.BYURI, criteria=hidden) == []
        assert await found(alice, kind=by.BYUSER, criteria=BOB) == []
        async with bob.join("Hidden plan"), bob.join("General"):
            assert await found(alice, kind=by.BYUSER, criteria="SIP:Bob@example.com") == ["General"]
            assert await found(bob, kind=by.BYUSER, criteria=BOB) == ["General", "Hidden plan"]


async def test_filters_tell_nobody_who_is_a_member_of_what(sample: Sample) -> None:
    async with connect(sample, "carol") as carol:
        assert await found(carol) == ["General", "Open plan", "Private", "Stage"]
        assert await found(carol, member=ALICE) == ["General", "Stage"]  # not Private
        assert await found(carol, manager=ALICE) == ["General"]  # not Open plan
        assert await found(carol, member=CAROL) == ["General", "Stage"]
        assert await found(carol, disabled=True) == []
        assert await found(carol, criteria="hidden") == []


@pytest.mark.parametrize(
    "query",
    [
        RoomQuery("x", "BYMAGIC"),
        RoomQuery("no address", QueryKind.BYCATEGORY),
        RoomQuery("", QueryKind.BYADDIN),
        RoomQuery("", QueryKind.BYUSER),
        RoomQuery("ma-cat://example.com/1", QueryKind.BYURI),
        RoomQuery(member="nobody at all"),
    ],
)
async def test_a_search_that_makes_no_sense_is_refused(sample: Sample, query: RoomQuery) -> None:
    async with connect(sample, "bob") as bob:
        assert await code_of(bob, "chansrch", query, Rooms) is ErrorCode.INVALID_ARGUMENT


async def test_everyone_finds_the_rooms_he_has_a_role_in(sample: Sample) -> None:
    async with connect(sample, "carol") as carol, connect(sample, "alice") as alice:
        mine = await carol.command("getassociations", AssociationQuery(Role.MEMBER), Rooms)
        assert [room.name for room in mine.rooms] == ["General", "Stage"]
        first = await carol.command("getassociations", AssociationQuery(max_results=1), Rooms)
        assert len(first.rooms) == 1
        managed = await alice.command("getassociations", AssociationQuery(Role.MANAGER), Rooms)
        assert [room.name for room in managed.rooms] == ["General", "Open plan"]


async def test_creators_learn_where_they_may_make_rooms_and_who_could(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        places = await alice.command("nodespermcreatechild", Nothing(), Categories)
        (projects,) = places.categories
        assert (projects.name, projects.invitations) == ("Projects", True)
        assert places.root == alice.server.root_category
        assert not (await bob.command("nodespermcreatechild", Nothing(), Categories)).categories
        query = PrincipalQuery("ca", category=projects.uri)
        candidates = await alice.command("prinsrch", query, Principals)
        assert [one.uri for one in candidates.principals] == [CAROL]
        assert await code_of(bob, "prinsrch", query, Principals) is ErrorCode.ERROR_PERMISSION
        (add_in,) = (await bob.command("getaddins", Nothing(), AddIns)).add_ins
        assert (add_in.name, add_in.url) == ("Wiki", "https://wiki.example.com/")


async def test_managers_learn_who_could_get_a_role(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        plan = await alice.find("Open plan")
        query = PrincipalQuery("a", room=plan, role=Role.MEMBER)
        could = await alice.command("prinsrch", query, Principals)
        assert {one.uri for one in could.principals} >= {ALICE, CAROL}
        assert {one.type for one in could.principals} == {PrincipalType.USER, PrincipalType.GROUP}
        assert await code_of(bob, "prinsrch", query, Principals) is ErrorCode.ERROR_PERMISSION
        for senseless in (
            PrincipalQuery(" ", room=plan, role=Role.MEMBER),
            PrincipalQuery("a", room=plan),
            PrincipalQuery("a", room=plan, role=Role.CREATOR),
        ):
            code = await code_of(alice, "prinsrch", senseless, Principals)
            assert code is ErrorCode.INVALID_ARGUMENT


async def test_people_are_found_by_name_and_one_looks_up_oneself(sample: Sample) -> None:
    async with connect(sample, "bob") as bob:
        matches = await bob.command("usersrch", UserQuery(last="ARO"), UserMatches)
        assert [one.uri for one in matches] == [CAROL]
        few = await bob.command("usersrch", UserQuery(email="@", max_results=2), UserMatches)
        assert (len(few), few.more_available) == (2, True)
        own = await bob.command("getuser", PrincipalLookup(BOB), DirectoryUser)
        assert (own.uri, [one.name for one in own.member_of]) == (BOB, ["Staff"])
        (staff,) = own.member_of
        refusals = {
            ("usersrch", UserQuery()): ErrorCode.INVALID_ARGUMENT,
            ("getuser", PrincipalLookup(ALICE)): ErrorCode.ERROR_PERMISSION,
            ("getuser", PrincipalLookup("tel:1")): ErrorCode.INVALID_ARGUMENT,
            ("getgroup", PrincipalLookup(staff.uri)): ErrorCode.ERROR_PERMISSION,
        }
        for (name, data), code in refusals.items():
            assert await code_of(bob, name, data, object) is code
        async with sample.admin() as admin:
            await admin.set_user("bob", system=True)
        async with asyncio.timeout(5):
            while True:
                try:
                    group = await bob.command("getgroup", PrincipalLookup(staff.uri), Group)
                    break
                except perchat.PermissionDenied:
                    await asyncio.sleep(0.02)
        assert (group.uri, group.name) == (staff.uri, "Staff")
        nobody = PrincipalLookup("sip:nobody@example.com")
        assert await code_of(bob, "getuser", nobody, object) is ErrorCode.NO_SUCH_PRINCIPAL


async def test_stored_invitations_are_caught_up_with_by_the_last_id(sample: Sample) -> None:
    async with connect(sample, "bob") as bob:
        invited = await bob.command("getinv", InvitationQuery(), Invitations)
        assert [one.room.name for one in invited.invitations] == ["Hidden plan", "Open plan"]
        last = invited.invitations[-1].id
        assert not (await bob.command("getinv", InvitationQuery(last), Invitations)).invitations


async def test_long_lists_are_cut_and_say_so_where_they_can(sample: Sample) -> None:
    async with sample.admin() as admin:
        for number in range(300):
            await admin.add_user(
                f"worker{number}", "x", display_name=f"Worker {'x' * 200} {number}"
            )
    async with connect(sample, "bob") as bob, asyncio.timeout(10):
        matches = await bob.command("usersrch", UserQuery(last="worker"), UserMatches)
        while not matches.more_available:  # until the server knows them all
            matches = await bob.command("usersrch", UserQuery(last="worker"), UserMatches)
        body = encode(Envelope("1", (Reply("usersrch", matches, "1", 1),)))
        assert matches.more_available
        assert PAGE_LIMIT * 0.8 < len(body) <= PAGE_LIMIT


_TAKES_ANYTHING = {"getassociations", "nodespermcreatechild", "getaddins", "getinv", "usersrch"}


@pytest.mark.parametrize("name", sorted(BROWSING.keys() - _TAKES_ANYTHING))
async def test_data_of_no_use_is_refused(sample: Sample, name: str) -> None:
    nonsense = Unknown(name, Element("data", {}, (Element("qib", {"category": "x"}),)))
    async with connect(sample, "bob") as bob:
        with pytest.raises(InvalidArgument):
            await bob.command(name, nonsense, Rooms)
