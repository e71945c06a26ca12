"""What the transcripts hold: rooms managed, roles given, people found, preferences kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.errors import ErrorCode
from perchat.model.addin import AddIn
from perchat.model.category import CategorySummary
from perchat.model.changes import Changes
from perchat.model.chatroom import Behavior, Permission, Privacy, Role
from perchat.model.explanation import Answer, AppliedRule, Explanation, Need, RoomAction
from perchat.model.invitation import Invitations, InviteSetting
from perchat.model.preference import Preference
from perchat.model.principal import (
    DirectoryUser,
    Group,
    Principal,
    PrincipalType,
    RoleEntry,
    UserMatches,
)
from perchat.model.roomdetails import (
    RoleChange,
    RoleOperation,
    RoomDetails,
    RoomSettings,
    RoomUpdate,
)
from perchat.xccos.blocks import Arrival, Arrivals, Departure, Departures, Nothing, Rooms, RoomUris
from perchat.xccos.codec import DOTNET, SIPE
from perchat.xccos.managing import (
    AddIns,
    AssociationQuery,
    Categories,
    ExplanationQuery,
    PreferenceQuery,
    PreferenceReply,
    PreferenceVersion,
    PrincipalLookup,
    PrincipalQuery,
    Principals,
    RoleAssignment,
    RoleList,
    RoleLists,
    RoleQuery,
    RoomLookup,
    RoomPermissions,
    UserQuery,
)
from perchat.xccos.masks import MANAGER, MEMBER, PRESENTER
from perchat.xccos.primitives import Notice
from tests.xccos.samples import (
    ALICE,
    AT,
    BOB,
    CAROL,
    IT,
    JOINED_OPS,
    OPS,
    OPS_ROOM,
    ROOT,
    answered,
    asked,
    noticed,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.xccos.samples import Line

CLOCK = AddIn("eeeeeeee-0000-4000-8000-000000000000", "Clock", "https://clock.example/?a&b")
SALES = "ma-grp:ffffffff-0000-4000-8000-000000000001@u.g"
SINCE = Changes(BOB.uri, AT.replace(day=1), ALICE.uri, AT)
ALICE_ROW = Principal(ALICE.uri, "alice", "Alice", PrincipalType.USER, ALICE.guid)
SALES_ROW = Principal(
    SALES,
    "Sales",
    "Sales & Co.",
    PrincipalType.GROUP,
    "ffffffff-0000-4000-8000-000000000001",
    "CN=Sales,DC=contoso,DC=com",
)
DOMAIN_ROW = Principal("domain:contoso.com", "contoso.com", type=PrincipalType.DOMAIN)
IT_ROW = CategorySummary(IT, "IT", "all of it", keeps_history=True, invitations=True)
OPS_DETAILS = RoomDetails(
    OPS,
    "Ops",
    "24x7",
    category=IT_ROW,
    privacy=Privacy.SECRET,
    behavior=Behavior.AUDITORIUM,
    participants=2,
    add_in=CLOCK,
    file_store="https://files.example/",
    invitations=Invitations(InviteSetting.OFF, inherited=True),
    changes=SINCE,
)
MEMBERS = RoleList(Role.MEMBER, (RoleEntry(ALICE_ROW, SINCE), RoleEntry(SALES_ROW)))
BUNDLE = Preference("kedzie.GroupChannels", 72, "PGE+PC9hPg==")

MANAGEMENT: dict[str, Sequence[Line]] = {
    "kick": [
        (
            "<",
            Notice(
                "kick",
                Departures((Departure(OPS, (ALICE.uri,)),)),
                error=ErrorCode.ERROR_PERMISSION,
            ),
            DOTNET,
        ),
        noticed("kick", Departures((Departure(OPS, (ALICE.uri,)),))),
    ],
    "permmodify": [
        noticed("permmodify", Arrivals((Arrival(CAROL, ((OPS, MEMBER | PRESENTER),)),)), DOTNET),
        noticed("permmodify", Arrivals((Arrival(BOB, ((OPS, MANAGER),)),)), SIPE),
    ],
    "gethiddenparts": [
        asked("gethiddenparts", RoomUris((OPS,))),
        answered("gethiddenparts", JOINED_OPS, DOTNET),
        refused("gethiddenparts", ErrorCode.CANNOT_GET_PARTICIPANT_LIST),
    ],
    "getassociations": [
        asked("getassociations", AssociationQuery(domain="contoso.com", max_results=500)),
        asked("getassociations", AssociationQuery(Role.MANAGER)),
        answered("getassociations", Rooms((replace(OPS_ROOM, add_in=CLOCK),))),
    ],
    "nodespermcreatechild": [
        asked("nodespermcreatechild", Nothing()),
        answered("nodespermcreatechild", Categories()),
        answered("nodespermcreatechild", Categories((IT_ROW,), ROOT)),
    ],
    "chancreate": [
        asked("chancreate", RoomSettings("Ops", IT)),
        asked(
            "chancreate",
            RoomSettings(
                "Ops",
                IT,
                "24x7",
                Privacy.OPEN,
                Behavior.AUDITORIUM,
                disabled=True,
                invitations=InviteSetting.OFF,
                add_in=CLOCK.id,
                members=(ALICE.uri, SALES),
                managers=(BOB.uri,),
                presenters=(ALICE.uri,),
            ),
        ),
        answered("chancreate", OPS_DETAILS, DOTNET),
        refused("chancreate", ErrorCode.DUPLICATE_ROOM_NAME),
    ],
    "chanmodify": [
        asked("chanmodify", RoomUpdate(OPS, disabled=True)),
        asked(
            "chanmodify",
            RoomUpdate(
                OPS,
                name="Ops & more",
                description="",
                category=IT,
                privacy=Privacy.OPEN,
                behavior=Behavior.NORMAL,
                disabled=False,
                invitations=InviteSetting.INHERIT,
                add_in="",
                roles=(
                    RoleChange(Role.MEMBER, RoleOperation.ADD, (ALICE.uri,)),
                    RoleChange(Role.PRESENTER, RoleOperation.REPLACE, ()),
                ),
                expected=AT,
            ),
        ),
        answered("chanmodify", OPS_DETAILS, DOTNET),
        refused("chanmodify", ErrorCode.DATA_COLLISION),
        noticed("chanmodify", OPS_DETAILS, DOTNET),
        noticed("chanmodify", RoomDetails(OPS, "Ops", disabled=True)),
    ],
    "getchan": [
        asked("getchan", RoomLookup(OPS)),
        asked("getchan", RoomLookup(name="Ops & more")),
        answered("getchan", OPS_DETAILS, DOTNET),
        refused("getchan", ErrorCode.NO_SUCH_NODE),
    ],
    "getperms": [
        asked("getperms", RoomUris((OPS,))),
        answered("getperms", RoomPermissions(OPS, ALICE.uri, MANAGER), DOTNET),
    ],
    "explain": [
        asked("explain", ExplanationQuery(ALICE.uri, OPS)),
        answered(
            "explain",
            Explanation(
                ALICE.uri,
                OPS,
                "Ops",
                Permission.VIEW,
                (AppliedRule("member", False, "nothing names the user"),),
                (Answer(RoomAction.JOIN, False, (Need.TAKES_PART,)),),
            ),
        ),
        refused("explain", ErrorCode.ERROR_PERMISSION),
    ],
    "getaddins": [
        asked("getaddins", Nothing()),
        answered("getaddins", AddIns((CLOCK,))),
        answered("getaddins", AddIns()),
    ],
    "getroles": [
        asked("getroles", RoleQuery(OPS, Role.MEMBER)),
        answered("getroles", RoleLists((MEMBERS,))),
        answered("getroles", RoleLists((RoleList(Role.PRESENTER),))),
    ],
    "setroles": [
        asked(
            "setroles",
            RoleAssignment(
                OPS,
                (
                    RoleChange(Role.MEMBER, RoleOperation.ADD, (ALICE.uri, SALES)),
                    RoleChange(Role.MANAGER, RoleOperation.REMOVE, (BOB.uri,)),
                ),
            ),
        ),
        answered("setroles", RoleLists((MEMBERS, RoleList(Role.MANAGER)))),
        refused("setroles", ErrorCode.PRESENTER_NOT_IN_MEM_LIST),
    ],
    "prinsrch": [
        asked("prinsrch", PrincipalQuery("al", OPS, Role.PRESENTER)),
        asked("prinsrch", PrincipalQuery("al", category=IT, max_results=10)),
        answered("prinsrch", Principals((ALICE_ROW, SALES_ROW, DOMAIN_ROW))),
    ],
    "usersrch": [
        asked("usersrch", UserQuery("Smith", "Al", "@contoso.com", 20)),
        answered("usersrch", UserMatches((ALICE_ROW,), more_available=True)),
        answered("usersrch", UserMatches()),
    ],
    "getuser": [
        asked("getuser", PrincipalLookup(ALICE.uri)),
        answered(
            "getuser",
            DirectoryUser(
                ALICE.uri,
                "alice",
                "Alice",
                guid=ALICE.guid,
                company="Contoso",
                email="alice@contoso.com",
                member_of=(SALES_ROW, DOMAIN_ROW),
                changes=SINCE,
            ),
        ),
        refused("getuser", ErrorCode.ERROR_PERMISSION),
    ],
    "getgroup": [
        asked("getgroup", PrincipalLookup(SALES)),
        answered("getgroup", Group(SALES, "Sales", member_of=(DOMAIN_ROW,), changes=SINCE)),
        refused("getgroup", ErrorCode.NO_SUCH_PRINCIPAL),
    ],
    "getpref": [
        asked("getpref", PreferenceQuery(BUNDLE.label, 71, default=True)),
        answered("getpref", PreferenceReply(BUNDLE)),
        answered("getpref", PreferenceReply()),
    ],
    "setpref": [
        asked("setpref", replace(BUNDLE, version=71)),
        answered("setpref", PreferenceVersion(BUNDLE.label, 72)),
        refused("setpref", ErrorCode.DATA_COLLISION),
    ],
    "prefmodify": [noticed("prefmodify", PreferenceVersion(BUNDLE.label, 72))],
}
