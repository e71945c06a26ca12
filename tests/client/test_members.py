"""What other services tell and ours does not: read from the wire all the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.model.changes import Changes
from perchat.model.principal import DirectoryUser, Group, Principal, PrincipalType
from perchat.model.roomdetails import RoomDetails
from perchat.model.uri import SipUri
from tests.client.peer import ALICE, BOB, LOBBY

if TYPE_CHECKING:
    from tests.client.peer import Peer

CHANGES = Changes(
    ALICE,
    datetime(2026, 1, 1, tzinfo=UTC),
    SipUri("sip:root@example.com"),
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)
PATH = "CN=Bob,OU=Sales,DC=example,DC=com"
GUID = "9d2f0000-0000-4000-8000-000000000001"


async def test_a_user_is_told_with_place_in_the_directory_and_history(peer: Peer) -> None:
    sales = Principal(
        f"ma-grp:{GUID}@u.g", "sales", "Sales", PrincipalType.FOLDER, GUID, "OU=Sales"
    )
    told = DirectoryUser(
        BOB, "bob", "Bob", guid=GUID, directory_path=PATH, member_of=(sales,), changes=CHANGES
    )
    peer.answering("getuser", told)
    async with peer.chatting() as chat:
        bob = await chat.users.get(BOB)
    assert (bob.guid, bob.directory_path) == (GUID, PATH)
    assert (bob.changes.created_by, bob.changes.created_on) == (ALICE, CHANGES.created_on)
    assert (bob.changes.updated_by, bob.changes.updated_on) == (
        CHANGES.updated_by,
        CHANGES.updated_on,
    )
    assert bob.member_of == (sales,)


async def test_a_group_is_told_with_its_history(peer: Peer) -> None:
    domain = Principal("domain:example.com", "example.com", type=PrincipalType.DOMAIN)
    team = Group(f"ma-grp:{GUID}@u.g", "team", member_of=(domain,), changes=CHANGES)
    peer.answering("getgroup", team)
    async with peer.chatting() as chat:
        found = await chat.users.get_group(team)
    assert (found.changes, found.member_of) == (CHANGES, (domain,))


async def test_a_room_is_told_with_the_service_for_its_files(peer: Peer) -> None:
    store = "https://files.example.com/MGCWebService.asmx"
    peer.answering("getchan", RoomDetails(LOBBY, "Lobby", file_store=store))
    async with peer.chatting() as chat:
        assert (await chat.rooms.get(LOBBY)).file_store == store
