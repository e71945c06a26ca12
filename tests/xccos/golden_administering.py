"""What the transcripts hold: moderation and administration, all of it ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.errors import ErrorCode
from perchat.model.administration import (
    AdministrativeRole,
    AdministratorGrant,
    GroupEntry,
    RoomEntry,
)
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Role, Room
from perchat.model.history import HistoryQuery
from perchat.model.journal import MessagesModerated
from perchat.model.message import ModeratedMessage
from perchat.model.principal import Group, PrincipalType, User
from perchat.xccos.administrative import (
    AdministrativeReply,
    AdministrativeRequest,
    ModerationAction,
    ModerationReply,
    ModerationRequest,
    Values,
)
from tests.xccos.golden_management import SALES
from tests.xccos.samples import (
    ALICE,
    AT,
    BOB,
    EVERY_WORD,
    HELLO,
    IT,
    OPS,
    RICH,
    SERVER,
    answered,
    asked,
    noticed,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.xccos.samples import Line

CATEGORY = Category(IT, "IT", "<all>", allowed=frozenset([SALES]), creators=frozenset([ALICE.uri]))
ROOM = RoomEntry(
    Room(OPS, "Ops", "24x7", IT, Privacy.SECRET, Behavior.AUDITORIUM, disabled=True, invites=False),
    "IT",
    (ALICE.uri, SALES),
    (BOB.uri,),
)
USER = User(ALICE.uri, "alice", "Alice & Co.", str(ALICE.guid), enabled=False, surname="A.")
GROUP = GroupEntry(Group(SALES, "Sales", "Sales", PrincipalType.FOLDER), (ALICE.uri,))
GRANTS = (
    AdministratorGrant(ALICE.uri, AdministrativeRole.MODERATOR, frozenset([IT])),
    AdministratorGrant(ALICE.uri, AdministrativeRole.ADMINISTRATOR),
)
MEANT = HistoryQuery(EVERY_WORD.text, authors=(BOB.uri,), until=AT)
KEPT = (ModeratedMessage(HELLO, AT, "hush\nnow"), ModeratedMessage(RICH, AT, None))

ADMINISTERING: dict[str, Sequence[Line]] = {
    "moderate": [
        asked("moderate", ModerationRequest(OPS, ModerationAction.FIND, MEANT, after=40)),
        asked("moderate", ModerationRequest("Ops", ModerationAction.REMOVE, ids=(41, 42))),
        asked("moderate", ModerationRequest(OPS, ModerationAction.REPLACE, MEANT, text="a\n<b>")),
        asked("moderate", ModerationRequest(OPS, ModerationAction.ORIGINALS)),
        answered("moderate", ModerationReply((41, 42), after=1041)),
        answered("moderate", ModerationReply(messages=(HELLO, RICH)), SERVER),
        answered("moderate", ModerationReply(originals=KEPT), SERVER),
        refused("moderate", ErrorCode.INVALID_ARGUMENT, ModerationReply(why="no such message: 7")),
    ],
    "moderated": [
        noticed("moderated", MessagesModerated(OPS, (41, 42), "hush")),
        noticed("moderated", MessagesModerated(OPS, (41,))),
    ],
    "administer": [
        asked(
            "administer",
            AdministrativeRequest(
                "room.grant",
                Values.of(room="Ops", role=Role.MEMBER, principals=(ALICE.uri, SALES), empty=None),
            ),
        ),
        asked(
            "administer",
            AdministrativeRequest("user.add", Values.of(name="al", system=True), "p <w> \u00fc"),
        ),
        answered("administer", AdministrativeReply((CATEGORY, ROOM), more=True)),
        answered("administer", AdministrativeReply((USER, GROUP, *GRANTS))),
        answered("administer", AdministrativeReply(names=(ALICE.uri, SALES))),
        refused("administer", ErrorCode.ERROR_PERMISSION, AdministrativeReply(why="not you")),
    ],
}
