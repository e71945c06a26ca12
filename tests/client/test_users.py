"""People and groups looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.errors import CommandFailed, ErrorCode, NoSuchPrincipal, PermissionDenied
from perchat.model.principal import DirectoryUser, Group, Principal, PrincipalType, UserMatches
from perchat.xccos.managing import PrincipalLookup, UserQuery
from tests.client.peer import ALICE, BOB

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perchat.client.users import UserServices
    from tests.client.peer import Peer

    Call = Callable[[UserServices], Awaitable[object]]

TEAM = "ma-grp:9d2f0000-0000-4000-8000-000000000001@u.g"
BOBS = Principal(BOB, "bob", "Bob", PrincipalType.USER)
TEAMS = Principal(TEAM, "team", "Team", PrincipalType.GROUP)


async def test_users_are_found_by_what_is_known_of_them(peer: Peer) -> None:
    seen = peer.answering("usersrch", UserMatches((BOBS,)))
    async with peer.chatting() as chat:
        found = await chat.users.find(last=" Smith", first="B", email="bob@", limit=20)
    assert list(found) == [BOBS]
    assert not found.more_available
    assert seen == [UserQuery("Smith", "B", "bob@", max_results=20)]


async def test_a_search_tells_when_there_are_more_users(peer: Peer) -> None:
    peer.answering("usersrch", UserMatches((BOBS,), more_available=True))
    async with peer.chatting() as chat:
        assert (await chat.users.find(last="b", limit=1)).more_available


async def test_a_user_is_told_with_groups_and_address(peer: Peer) -> None:
    bob = DirectoryUser(BOB, "bob", "Bob", company="Ex", email="b@ex.com", member_of=(TEAMS,))
    seen = peer.answering("getuser", bob)
    async with peer.chatting() as chat:
        assert await chat.users.get(BOBS) == bob
        assert await chat.users.get(str(BOB)) == bob
    assert seen == [PrincipalLookup(BOB)] * 2


async def test_a_group_is_told_with_what_holds_it(peer: Peer) -> None:
    group = Group(TEAM, "team", "Team", member_of=(TEAMS,))
    seen = peer.answering("getgroup", group)
    async with peer.chatting() as chat:
        assert await chat.users.get_group(TEAMS) == group
    assert seen == [PrincipalLookup(TEAM)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCode.ERROR_PERMISSION, PermissionDenied),
        (ErrorCode.NO_SUCH_PRINCIPAL, NoSuchPrincipal),
    ],
)
async def test_a_refusal_is_the_error_of_its_code(
    peer: Peer, code: ErrorCode, kind: type[CommandFailed]
) -> None:
    peer.answering("getuser", code)
    peer.answering("getgroup", code)
    async with peer.chatting() as chat:
        with pytest.raises(kind):
            await chat.users.get(BOB)
        with pytest.raises(kind):
            await chat.users.get_group(TEAM)


WRONG: dict[str, Call] = {
    "nothing to look for": lambda users: users.find(last=" "),
    "no limit": lambda users: users.find(last="b", limit=0),
    "a group as a user": lambda users: users.get(TEAM),
    "no address": lambda users: users.get("bob"),
    "a user as a group": lambda users: users.get_group(ALICE),
    "no group": lambda users: users.get_group("ma-grp:team"),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_in_itself_is_not_sent(peer: Peer, call: Call) -> None:
    async with peer.chatting() as chat:
        said = peer.commands()
        with pytest.raises(ValueError):
            await call(chat.users)
        assert peer.commands() == said
