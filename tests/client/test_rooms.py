"""Rooms looked up, made, changed and staffed: what is asked, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from perchat.errors import (
    CannotCreateRoom,
    CommandFailed,
    DataCollision,
    DuplicateRoomName,
    ErrorCode,
    HierarchyViolation,
    NoSuchPrincipal,
    NotSupported,
    PermissionDenied,
    PresenterNotMember,
    PrincipalsAlreadyDefined,
    PrincipalsNotInScope,
    RoomDisabled,
    RoomNotFound,
)
from perchat.model.addin import AddIn
from perchat.model.category import CategorySummary
from perchat.model.changes import Changes
from perchat.model.chatroom import Behavior, Permission, Privacy, Role
from perchat.model.invitation import InviteSetting
from perchat.model.principal import Principal, PrincipalType, RoleEntry
from perchat.model.roomdetails import (
    RoleChange,
    RoleOperation,
    RoomDetails,
    RoomSettings,
    RoomUpdate,
)
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.blocks import Nothing, QueryKind, RoomQuery, Rooms, RoomUris
from perchat.xccos.codes import Result
from perchat.xccos.managing import (
    AddIns,
    Categories,
    PrincipalQuery,
    Principals,
    RoleAssignment,
    RoleList,
    RoleLists,
    RoleQuery,
    RoomLookup,
    RoomPermissions,
)
from perchat.xccos.masks import MANAGER
from tests.client.peer import ALICE, BOB, LOBBY, room

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perchat.client.rooms import RoomServices
    from perchat.xccos.blocks import Data
    from tests.client.peer import Peer

    Call = Callable[[RoomServices], Awaitable[object]]

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WORK = CategoryUri("ma-cat://example.com/work")
ANNEX = RoomUri("ma-chan://example.com/annex")
TEAM = "ma-grp:9d2f0000-0000-4000-8000-000000000001@u.g"
GUID = "9d2f0000-0000-4000-8000-000000000002"
CATEGORY = CategorySummary(WORK, "Work", keeps_history=True)
DETAILS = RoomDetails(LOBBY, "Lobby", category=CATEGORY, changes=Changes(updated_on=AT))
BOBS = Principal(BOB, "bob", "Bob", PrincipalType.USER)
TEAMS = Principal(TEAM, "team", "Team", PrincipalType.GROUP)
HOLDERS = (RoleEntry(BOBS, Changes(ALICE, AT)), RoleEntry(TEAMS))
LISTS = RoleLists((RoleList(Role.MEMBER, HOLDERS),))
MANAGERS = RoleLists((RoleList(Role.MANAGER, HOLDERS[:1]),))
ADD = RoleAssignment(LOBBY, (RoleChange(Role.MEMBER, RoleOperation.ADD, (BOB, TEAM)),))
DROP = RoleAssignment(LOBBY, (RoleChange(Role.MANAGER, RoleOperation.REMOVE, (BOB,)),))
BARE = RoomSettings("Ops", WORK)
FULL = RoomSettings(
    name="Ops",
    category=WORK,
    description="who does what",
    privacy=Privacy.SECRET,
    behavior=Behavior.AUDITORIUM,
    disabled=True,
    invitations=InviteSetting.OFF,
    add_in=GUID,
    members=(ALICE, BOB),
    managers=(TEAM,),
    presenters=(BOB,),
)


def created(rooms: RoomServices) -> Awaitable[object]:
    return rooms.create(
        " Ops ",
        CATEGORY,
        description="who does what",
        privacy=Privacy.SECRET,
        behavior=Behavior.AUDITORIUM,
        disabled=True,
        invitations=InviteSetting.OFF,
        add_in=AddIn(GUID, "Board"),
        members=[BOBS],
        managers=[TEAM],
        presenters=[str(BOB)],
        join_self=True,
    )


ROWS: list[tuple[str, Call, Data, Data, object]] = [
    ("getchan", lambda r: r.get(LOBBY), RoomLookup(LOBBY), DETAILS, DETAILS),
    ("getchan", lambda r: r.get("Lobby"), RoomLookup(name="Lobby"), DETAILS, DETAILS),
    ("chancreate", lambda r: r.create("Ops", str(WORK)), BARE, DETAILS, DETAILS),
    ("chancreate", created, FULL, DETAILS, DETAILS),
    (
        "chanmodify",
        lambda r: r.update(room(), name="Hall", description="", disabled=True, add_in=""),
        RoomUpdate(LOBBY, name="Hall", description="", disabled=True, add_in=""),
        DETAILS,
        DETAILS,
    ),
    (
        "chanmodify",
        lambda r: r.update(
            LOBBY,
            privacy=Privacy.OPEN,
            behavior=Behavior.NORMAL,
            invitations=InviteSetting.OFF,
            add_in=GUID.upper(),
            members=[BOBS, TEAM],
            presenters=(),
            expected=DETAILS,
        ),
        RoomUpdate(
            LOBBY,
            privacy=Privacy.OPEN,
            behavior=Behavior.NORMAL,
            invitations=InviteSetting.OFF,
            add_in=GUID,
            roles=(
                RoleChange(Role.MEMBER, RoleOperation.REPLACE, (BOB, TEAM)),
                RoleChange(Role.PRESENTER, RoleOperation.REPLACE, ()),
            ),
            expected=AT,
        ),
        DETAILS,
        DETAILS,
    ),
    (
        "chanmodify",
        lambda r: r.move(LOBBY, WORK),
        RoomUpdate(LOBBY, category=WORK),
        DETAILS,
        DETAILS,
    ),
    (
        "getperms",
        lambda r: r.permissions(LOBBY),
        RoomUris((LOBBY,)),
        RoomPermissions(LOBBY, ALICE, MANAGER),
        Permission.MANAGE
        | Permission.JOIN
        | Permission.POST
        | Permission.READ_HISTORY
        | Permission.VIEW,
    ),
    (
        "nodespermcreatechild",
        lambda r: r.creatable_categories(),
        Nothing(),
        Categories((CATEGORY,)),
        [CATEGORY],
    ),
    ("nodespermcreatechild", lambda r: r.creatable_categories(), Nothing(), Categories(), []),
    (
        "chansrch",
        lambda r: r.in_category(CATEGORY, limit=5),
        RoomQuery(WORK, QueryKind.BYCATEGORY, max_results=5),
        Rooms((room(),)),
        [room()],
    ),
    (
        "chansrch",
        lambda r: r.using(AddIn(GUID)),
        RoomQuery(GUID, QueryKind.BYADDIN),
        Rooms((room(), room("Annex", ANNEX))),
        [room(), room("Annex", ANNEX)],
    ),
    (
        "chansrch",
        lambda r: r.in_category(WORK, limit=1),
        RoomQuery(WORK, QueryKind.BYCATEGORY, max_results=1),
        Rooms((room(), room("Annex", ANNEX))),
        [room()],
    ),
    (
        "getaddins",
        lambda r: r.add_ins(),
        Nothing(),
        AddIns((AddIn(GUID, "B"),)),
        [AddIn(GUID, "B")],
    ),
    ("getroles", lambda r: r.members(LOBBY), RoleQuery(LOBBY, Role.MEMBER), LISTS, [*HOLDERS]),
    ("getroles", lambda r: r.managers(LOBBY), RoleQuery(LOBBY, Role.MANAGER), LISTS, []),
    ("getroles", lambda r: r.presenters(LOBBY), RoleQuery(LOBBY, Role.PRESENTER), LISTS, []),
    ("setroles", lambda r: r.grant(LOBBY, Role.MEMBER, [BOBS, TEAM, BOB]), ADD, LISTS, [*HOLDERS]),
    ("setroles", lambda r: r.revoke(LOBBY, Role.MANAGER, BOB), DROP, MANAGERS, [*HOLDERS[:1]]),
    (
        "prinsrch",
        lambda r: r.eligible(LOBBY, Role.MEMBER, "b", limit=1),
        PrincipalQuery("b", room=LOBBY, role=Role.MEMBER, max_results=1),
        Principals((BOBS, TEAMS)),
        [BOBS],
    ),
    (
        "prinsrch",
        lambda r: r.eligible_creators(WORK, "b"),
        PrincipalQuery("b", category=WORK),
        Principals((BOBS, TEAMS)),
        [BOBS, TEAMS],
    ),
]


@pytest.mark.parametrize(("name", "call", "sent", "answer", "result"), ROWS)
async def test_each_call_is_one_command(
    peer: Peer, name: str, call: Call, sent: Data, answer: Data, result: object
) -> None:
    seen = peer.answering(name, answer)
    async with peer.chatting() as chat:
        assert await call(chat.rooms) == result
        assert seen == [sent]
        assert peer.commands().count(name) == len(peer.commands()) - 2  # and those of opening


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCode.UNABLE_TO_CREATE_ROOM, CannotCreateRoom),
        (ErrorCode.NODE_HIERARCHY_VIOLATION, HierarchyViolation),
        (ErrorCode.DUPLICATE_ROOM_NAME, DuplicateRoomName),
        (ErrorCode.PRINCIPALS_NOT_IN_SCOPE, PrincipalsNotInScope),
        (ErrorCode.PRESENTER_NOT_IN_MEM_LIST, PresenterNotMember),
        (ErrorCode.NO_SUCH_PRINCIPAL, NoSuchPrincipal),
        (ErrorCode.PRINCIPALS_ALREADY_DEFINED, PrincipalsAlreadyDefined),
        (ErrorCode.DATA_COLLISION, DataCollision),
        (ErrorCode.ERROR_PERMISSION, PermissionDenied),
        (ErrorCode.NO_SUCH_NODE, RoomNotFound),
        (ErrorCode.NODE_DISABLED, RoomDisabled),
        (ErrorCode.MSG_NOT_SUPPORTED, NotSupported),
    ],
)
async def test_a_refusal_is_the_error_of_its_code(
    peer: Peer, code: ErrorCode, kind: type[CommandFailed]
) -> None:
    for name in ("chancreate", "chanmodify", "setroles"):
        peer.answering(name, code)
    async with peer.chatting() as chat:
        for call in (
            chat.rooms.create("Ops", WORK),
            chat.rooms.update(LOBBY, name="Hall"),
            chat.rooms.grant(LOBBY, Role.MEMBER, BOB),
        ):
            with pytest.raises(kind) as caught:
                await call
            assert caught.value.code is code


async def test_an_answer_that_makes_no_sense_is_a_failure(peer: Peer) -> None:
    peer.answering("getaddins", Nothing())
    async with peer.chatting() as chat:
        assert await chat.rooms.add_ins() == []
        peer.answering("getchan", Nothing())
        with pytest.raises(CommandFailed):
            await chat.rooms.get(LOBBY)


WRONG: dict[str, Call] = {
    "no name": lambda r: r.create("  ", WORK),
    "long name": lambda r: r.create("x" * 257, WORK),
    "control characters": lambda r: r.create("a\x07b", WORK),
    "turned text": lambda r: r.create("a\u202eb", WORK),
    "long description": lambda r: r.create("Ops", WORK, description="x" * 257),
    "no category": lambda r: r.create("Ops", str(LOBBY)),
    "no member": lambda r: r.create("Ops", WORK, members=["bob"]),
    "no manager": lambda r: r.create("Ops", WORK, managers=["sip:bob"]),
    "nothing to change": lambda r: r.update(LOBBY),
    "new name is none": lambda r: r.update(LOBBY, name=""),
    "no room": lambda r: r.get(" "),
    "another's state": lambda r: r.update(ANNEX, name="Hall", expected=DETAILS),
    "no state": lambda r: r.update(
        LOBBY, name="Hall", expected=replace(DETAILS, changes=Changes())
    ),
    "creator granted": lambda r: r.grant(LOBBY, Role.CREATOR, BOB),
    "creator revoked": lambda r: r.revoke(LOBBY, Role.CREATOR, BOB),
    "creator eligible": lambda r: r.eligible(LOBBY, Role.CREATOR, "b"),
    "eligible by no text": lambda r: r.eligible(LOBBY, Role.MEMBER, ""),
    "eligible by blanks": lambda r: r.eligible(LOBBY, Role.MEMBER, "  "),
    "nobody granted": lambda r: r.grant(LOBBY, Role.MEMBER, []),
    "nobody revoked": lambda r: r.revoke(LOBBY, Role.MEMBER, ()),
    "no limit": lambda r: r.eligible(LOBBY, Role.MEMBER, "b", limit=0),
    "no add-in": lambda r: r.using(""),
    "no place": lambda r: r.move(LOBBY, "Work"),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_in_itself_is_not_sent(peer: Peer, call: Call) -> None:
    async with peer.chatting() as chat:
        said = peer.commands()
        with pytest.raises(ValueError):
            await call(chat.rooms)
        assert peer.commands() == said


async def test_what_is_of_another_kind_is_not_sent(peer: Peer) -> None:
    async with peer.chatting() as chat:
        said = peer.commands()
        with pytest.raises(TypeError, match="not a user or group: int"):
            await chat.rooms.grant(LOBBY, Role.MEMBER, 5)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="not a category: int"):
            await chat.rooms.create("Ops", 5)  # type: ignore[arg-type]
        assert peer.commands() == said


async def test_a_room_given_by_name_is_looked_up_first_even_if_disabled(peer: Peer) -> None:
    looked_up = peer.answering("getchan", replace(DETAILS, disabled=True))
    seen = peer.answering("chanmodify", DETAILS)
    async with peer.chatting() as chat:
        await chat.rooms.update("Lobby", disabled=False)
    assert looked_up == [RoomLookup(name="Lobby")]
    assert seen == [RoomUpdate(LOBBY, disabled=False)]


async def test_those_who_hold_the_role_already_are_passed_over_if_so_asked(peer: Peer) -> None:
    already = ErrorCode.PRINCIPALS_ALREADY_DEFINED
    now = RoleLists((RoleList(Role.MEMBER, (*HOLDERS, RoleEntry(Principal(ALICE)))),))
    peer.answering("getroles", LISTS)
    seen = peer.answering("setroles", already, now)
    async with peer.chatting() as chat:
        holders = await chat.rooms.grant(LOBBY, Role.MEMBER, [BOB, ALICE], ignore_existing=True)
    assert [entry.principal.uri for entry in holders] == [BOB, TEAM, ALICE]
    change = RoleChange(Role.MEMBER, RoleOperation.ADD, (ALICE,))
    assert seen[1:] == [RoleAssignment(LOBBY, (change,))]


async def test_those_are_passed_over_where_a_server_says_it_in_a_sentence(peer: Peer) -> None:
    peer.answering("getroles", LISTS)
    seen = peer.answering("setroles", Result(500, "The principals are already defined."), LISTS)
    async with peer.chatting() as chat:
        await chat.rooms.grant(LOBBY, Role.MEMBER, [BOB, ALICE], ignore_existing=True)
    change = RoleChange(Role.MEMBER, RoleOperation.ADD, (ALICE,))
    assert seen[1:] == [RoleAssignment(LOBBY, (change,))]


async def test_a_right_that_is_missing_is_known_in_a_sentence(peer: Peer) -> None:
    peer.answering("setroles", Result(500, "alice is not authorized to perform this operation"))
    async with peer.chatting() as chat:
        with pytest.raises(PermissionDenied, match="not authorized"):
            await chat.rooms.grant(LOBBY, Role.MEMBER, BOB)


async def test_nothing_more_is_sent_when_all_hold_the_role_already(peer: Peer) -> None:
    peer.answering("getroles", LISTS)
    seen = peer.answering("setroles", ErrorCode.PRINCIPALS_ALREADY_DEFINED)
    async with peer.chatting() as chat:
        assert await chat.rooms.grant(LOBBY, Role.MEMBER, BOB, ignore_existing=True) == [*HOLDERS]
    assert len(seen) == 1
