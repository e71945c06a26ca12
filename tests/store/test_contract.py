"""What every store promises, asked of each of them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.errors import (
    CommandFailed,
    DataCollision,
    DuplicateAddInName,
    DuplicateRoomName,
    GroupCycle,
    HierarchyViolation,
    NodeInUse,
    NoSuchPrincipal,
    PerchatError,
    RoomNotFound,
    StorageError,
)
from perchat.model.addin import AddIn
from perchat.model.administration import AdministrativeRole, AdministratorGrant
from perchat.model.changes import Changes
from perchat.model.chatroom import Role
from perchat.model.history import HistoryQuery
from perchat.model.journal import (
    AddInChanged,
    AddInRemoved,
    Administered,
    AdministratorGranted,
    AdministratorRevoked,
    ApplicationRemoved,
    CategoryRemoved,
    Fact,
    GroupChanged,
    GroupMembersAdded,
    GroupRemoved,
    JournalEntry,
    MessagePosted,
    MessagesModerated,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    RoomRemoved,
    UserChanged,
    UserRemoved,
    UsersInvited,
)
from perchat.model.preference import Preference
from perchat.model.principal import Group
from perchat.model.uri import GroupUri, RoomUri, SipUri
from perchat.store.base import Receipts
from perchat.store.memory import MemoryStore
from perchat.store.sqlite import SqliteSettings, SqliteStore
from tests.store.samples import (
    ADA,
    BOB,
    CREW,
    EVE,
    GENERAL,
    LAB,
    OPS,
    SETTLED,
    TEAM,
    application,
    category,
    facts,
    posted,
    room,
    user,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.store.base import Store

NOWHERE = RoomUri("ma-chan://contoso.example/nowhere")


@pytest.fixture(params=["memory", "sqlite", "sqlite without ring"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    store = made(request.param, tmp_path / "chat.db")
    await store.open()
    yield store
    await store.close()


def made(kind: str, path: Path, receipts: Receipts = Receipts()) -> Store:  # noqa: B008 - frozen
    ticks = count(1_700_000_000)
    if kind == "memory":
        return MemoryStore(clock=lambda: next(ticks) + 0.25, receipts=receipts)
    ring = SqliteSettings(ring=0 if kind.endswith("ring") else 100, receipts=receipts)
    return SqliteStore(path, settings=ring, clock=lambda: next(ticks) + 0.25)


@pytest.fixture
async def store(empty: Store) -> Store:
    for fact in SETTLED:
        await empty.append(fact)
    return empty


def message_ids(entries: list[JournalEntry]) -> list[int]:
    return [entry.fact.message.id for entry in entries if isinstance(entry.fact, MessagePosted)]


async def test_an_empty_store_is_at_position_nought(empty: Store) -> None:
    assert await empty.position() == 0
    assert await empty.read(0) == []
    assert (await empty.snapshot()).position == 0


async def test_positions_start_at_one_and_leave_no_gap(store: Store) -> None:
    entries = await store.read(0)
    assert [entry.position for entry in entries] == list(range(1, len(SETTLED) + 1))
    assert [entry.fact for entry in entries] == list(SETTLED)


async def test_what_append_returns_is_what_followers_read(store: Store) -> None:
    appended = await store.append(posted("one"), ParticipantJoined(OPS, ADA, "s", "n"))
    assert await store.read(len(SETTLED)) == appended


async def test_reading_stops_at_the_limit(store: Store) -> None:
    assert [entry.position for entry in await store.read(2, limit=3)] == [3, 4, 5]


async def test_a_message_gets_id_time_and_room_name_from_the_store(store: Store) -> None:
    (entry,) = await store.append(posted("hello", rtf="{rtf}", is_alert=True))
    assert isinstance(entry.fact, MessagePosted)
    message = entry.fact.message
    assert (message.id, message.room_name) == (1, "Ops")
    assert message.timestamp == datetime.fromtimestamp(entry.at, UTC)
    assert (message.rtf, message.is_alert) == ("{rtf}", True)


async def test_message_ids_count_within_each_room(store: Store) -> None:
    appended = await store.append(posted("1"), posted("1", LAB), posted("2"), posted("2", LAB))
    assert message_ids(appended) == [1, 1, 2, 2]
    assert message_ids(await store.append(posted("3"))) == [3]


async def test_history_is_the_newest_messages_oldest_first(store: Store) -> None:
    for text in "abcde":
        await store.append(posted(text))
    assert [m.text for m in await store.history(OPS, last=3)] == ["c", "d", "e"]
    assert [m.text for m in await store.history(OPS, last=2, before=4)] == ["b", "c"]
    assert [m.id for m in await store.history(OPS, last=9, after=3)] == [4, 5]
    assert await store.history(OPS, last=0) == []
    assert await store.history(LAB, last=9) == []
    assert await store.history(NOWHERE, last=9) == []


async def test_history_gives_the_message_as_it_was_appended(store: Store) -> None:
    (entry,) = await store.append(posted("naïve \U0001f600\n", rtf="{\\b x}", is_alert=True))
    assert isinstance(entry.fact, MessagePosted)
    assert await store.history(OPS, last=1) == [entry.fact.message]


async def test_a_message_that_is_not_kept_is_told_and_counted_but_no_history(store: Store) -> None:
    await store.append(posted("kept"))
    told = await store.append(posted("told", kept=False))
    assert message_ids(told) == [2]
    assert await store.read(len(SETTLED) + 1) == told
    assert message_ids(await store.append(posted("kept again"))) == [3]
    assert [m.id for m in await store.history(OPS, last=9)] == [1, 3]


async def test_all_facts_of_one_call_come_true_or_none(store: Store) -> None:
    before = await store.snapshot()
    with pytest.raises(RoomNotFound, match="no such room"):
        await store.append(posted("one"), user(ADA, display_name="X"), posted("two", NOWHERE))
    assert await store.snapshot() == before
    assert await store.history(OPS, last=9) == []
    assert message_ids(await store.append(posted("next"))) == [1]


@pytest.mark.parametrize(
    "fact",
    [
        posted("x", NOWHERE),
        ParticipantJoined(NOWHERE, ADA, "s", "n"),
        RolesGranted(NOWHERE, Role.MEMBER, (ADA,)),
        RolesRevoked(NOWHERE, Role.MEMBER, (ADA,)),
        room(category=None),
    ],
)
async def test_facts_about_nothing_are_refused(store: Store, fact: Fact) -> None:
    with pytest.raises(RoomNotFound):
        await store.append(fact)
    assert await store.position() == len(SETTLED)


async def test_nobody_takes_the_place_of_another_user(store: Store) -> None:
    with pytest.raises(StorageError, match="another GUID"):
        await store.append(user(ADA, guid="somebody else's"))
    assert await store.position() == len(SETTLED)


async def test_refusing_one_append_does_not_harm_those_beside_it(store: Store) -> None:
    texts = [posted(str(n), NOWHERE if n % 5 == 2 else OPS) for n in range(20)]
    results = await asyncio.gather(*map(store.append, texts), return_exceptions=True)
    refused = [n for n, result in enumerate(results) if isinstance(result, RoomNotFound)]
    assert refused == [2, 7, 12, 17]
    assert [m.id for m in await store.history(OPS, last=99)] == list(range(1, 17))


async def test_rooms_and_categories_share_one_space_of_names(store: Store) -> None:
    for name in ("OPS", "general", "Lab"):
        with pytest.raises(DuplicateRoomName):
            await store.append(room(NOWHERE, name))
    with pytest.raises(DuplicateRoomName):
        await store.append(category(name="ops"))


async def test_a_name_is_free_again_after_a_change(store: Store) -> None:
    await store.append(room(name="Operations"))
    await store.append(room(NOWHERE, "Ops"))
    await store.append(room(name="OPERATIONS"))  # one's own name in another spelling
    names = {r.uri: r.name for r in (await store.snapshot()).rooms}
    assert names == {OPS: "OPERATIONS", LAB: "Lab", NOWHERE: "Ops"}


async def test_a_snapshot_holds_what_the_journal_adds_up_to(store: Store) -> None:
    await store.append(
        ParticipantJoined(OPS, ADA, "s1", "one"),
        ParticipantJoined(OPS, BOB, "s2", "two"),
        RolesGranted(OPS, Role.MANAGER, (ADA,)),
        RolesRevoked(OPS, Role.MEMBER, (BOB,)),
        NodeStarted("one"),
        category(description="changed"),
        application("Gone"),
        application("Reporter", ADA),
        application("REPORTER", ADA, BOB, port=4586),
        ApplicationRemoved("gone"),
    )
    snapshot = await store.snapshot()
    assert snapshot.position == await store.position()
    assert snapshot.participants == (ParticipantJoined(OPS, BOB, "s2", "two"),)
    assert set(snapshot.roles) == {
        RolesGranted(OPS, Role.MANAGER, (ADA,)),
        RolesGranted(OPS, Role.MEMBER, (ADA,)),
        RolesGranted(LAB, Role.MEMBER, (ADA,)),
    }
    assert [(c.uri, c.description) for c in snapshot.categories] == [(GENERAL, "changed")]
    assert [u.name for u in snapshot.users] == ["ada", "bob", "eve"]
    assert snapshot.applications == (application("REPORTER", ADA, BOB, port=4586).application,)


async def test_an_administrative_role_lasts_until_it_or_the_user_is_no_more(store: Store) -> None:
    moderator, administrator = AdministrativeRole
    confined = AdministratorGrant(ADA, moderator, frozenset([GENERAL]))
    everywhere = AdministratorGrant(ADA, administrator)
    others = AdministratorGrant(BOB, moderator)
    for grant in (AdministratorGrant(ADA, moderator), confined, everywhere, others):
        await store.append(AdministratorGranted(grant))
    assert (await store.snapshot()).administrators == (everywhere, confined, others)
    await store.append(AdministratorRevoked(ADA, administrator), UserRemoved(BOB))
    assert (await store.outline()).administrators == (confined,)
    with pytest.raises(NoSuchPrincipal):
        await store.append(AdministratorGranted(others))


async def test_who_did_what_is_read_by_itself(store: Store) -> None:
    begun = await store.position()
    for number in range(3):
        done = Administered("local:ada", f"step {number}", OPS, 1)
        await store.append(posted("between"), done)
    found = await store.administered(0, 2)
    assert [entry.position - begun for entry in found] == [2, 4]
    (last,) = await store.administered(found[-1].position, 2)
    assert last.fact == Administered("local:ada", "step 2", OPS, 1)


async def test_a_secret_comes_with_who_set_it_or_not_at_all(store: Store) -> None:
    done = Administered("local:ada", "user password", ADA)
    await store.set_secret(ADA, b"secret", done)
    assert [entry.fact for entry in await store.administered(0, 9)] == [done]
    stranger = SipUri("sip:nobody@contoso.example")
    with pytest.raises(NoSuchPrincipal):
        await store.set_secret(stranger, b"secret", done)
    assert len(await store.administered(0, 9)) == 1


async def test_users_are_read_page_by_page(store: Store) -> None:
    first = await store.users(limit=2)
    assert [u.uri for u in first] == [ADA, BOB]
    assert [u.uri for u in await store.users(first[-1].uri, 2)] == [EVE]


async def test_the_database_has_one_identity(store: Store) -> None:
    assert (await store.snapshot()).database == (await store.snapshot()).database != ""


async def test_users_are_found_by_address_or_login_name_in_any_case(store: Store) -> None:
    for login in ("ada", "ADA", "sip:ada@contoso.example", "SIP:Ada@Contoso.Example"):
        assert [u.uri for u in await store.find_users(login)] == [ADA]
    assert await store.find_users("nobody") == []


async def test_a_secret_is_kept_for_users_only(store: Store) -> None:
    assert store.secret(ADA) is None
    await store.set_secret(ADA, b"\x00secret")
    await store.append(user(ADA, display_name="Ada L."))
    assert store.secret(ADA) == b"\x00secret"
    with pytest.raises(NoSuchPrincipal, match="no such user"):
        await store.set_secret(ADA.__class__("sip:nobody@contoso.example"), b"x")


async def test_concurrent_appends_come_in_the_order_of_their_calls(store: Store) -> None:
    results = await asyncio.gather(*(store.append(posted(str(n))) for n in range(300)))
    assert [message_ids(entries) for entries in results] == [[n] for n in range(1, 301)]
    assert [m.text for m in await store.history(OPS, last=300)] == [str(n) for n in range(300)]


@examples(max_examples=30)
@given(batches=st.lists(st.lists(facts, min_size=1, max_size=4), max_size=10))
async def test_both_stores_agree(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Fact]]
) -> None:
    path = tmp_path_factory.mktemp("agree") / "chat.db"
    stores = [made("memory", path), made("sqlite without ring", path)]
    outcomes = [await _play(store, batches) for store in stores]
    assert outcomes[0] == outcomes[1]


async def _play(store: Store, batches: list[list[Fact]]) -> list[object]:
    await store.open()
    outcome: list[object] = []
    for batch in [[fact] for fact in SETTLED] + batches:
        try:
            outcome.append(await store.append(*batch))
        except (CommandFailed, GroupCycle, StorageError) as error:
            outcome.append(str(error))
    snapshot = await store.snapshot()
    outcome += [snapshot.rooms, snapshot.roles, snapshot.participants, snapshot.users]
    outcome += [snapshot.groups, snapshot.memberships, snapshot.add_ins]
    outcome += [await store.invitations(user, 0, 99) for user in (ADA, BOB)]
    outcome += [await store.role_entries(OPS, role) for role in (Role.MEMBER, Role.MANAGER)]
    outcome += [await store.history(OPS, last=99), await store.history(LAB, last=99)]
    outcome += [await store.originals(OPS), await store.originals(LAB)]
    for words in ("a", "moderated"):
        outcome.append(await store.search([OPS, LAB], HistoryQuery(words)))
    outcome.append([e for e in await store.read(0) if not isinstance(e.fact, MessagePosted)])
    await store.close()
    return outcome


# --- posts that are sent again ---


def again(text: str = "hello", *, kept: bool = True, **more: object) -> MessagePosted:
    return posted(text, kept=kept, **({"client_id": "c1"} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("kept", [True, False])
async def test_a_post_under_the_same_id_is_stored_once(store: Store, kept: bool) -> None:
    once = await store.append(again(kept=kept))
    assert await store.append(again("another text", kept=kept)) == once
    assert await store.position() == once[0].position
    (entry,) = await store.read(len(SETTLED))
    assert isinstance(entry.fact, MessagePosted)
    assert (entry.fact.message.text, entry.fact.message.client_id) == ("hello", "c1")
    (following,) = await store.append(posted("next"))
    assert message_ids([following]) == [2]


async def test_an_id_is_an_authors_own_in_one_room(store: Store) -> None:
    posts = [
        again(),
        again(author=BOB),
        posted("there", LAB, client_id="c1"),
        again(client_id="c2"),
    ]
    entries = [entry for post in posts for entry in await store.append(post)]
    assert len({entry.position for entry in entries}) == len(posts)
    assert [await store.append(post) for post in posts] == [[entry] for entry in entries]


async def test_posts_without_an_id_are_never_the_same(store: Store) -> None:
    entries = await store.append(posted("hello"), posted("hello"))
    assert message_ids(entries) == [1, 2]


async def test_one_append_may_hold_a_post_twice(store: Store) -> None:
    first, other, second = await store.append(again(), posted("between"), again())
    assert first == second
    assert [first, other] == await store.read(len(SETTLED))


async def test_posts_that_race_are_one(store: Store) -> None:
    answers = await asyncio.gather(*(store.append(again()) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert [m.text for m in await store.history(OPS, last=99)] == ["hello"]


async def test_an_append_that_fails_leaves_no_receipt(store: Store) -> None:
    with pytest.raises(RoomNotFound):
        await store.append(again(), posted("nowhere", NOWHERE))
    (entry,) = await store.append(again())
    assert await store.read(len(SETTLED)) == [entry]


async def test_what_was_posted_once_is_known_after_reopening(store: Store) -> None:
    once = await store.append(again())
    await store.close()
    await store.open()
    assert await store.append(again()) == once


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize(
    "receipts", [Receipts(seconds=3), Receipts(entries=2)], ids=["by time", "by entries"]
)
async def test_receipts_are_kept_for_a_while(tmp_path: Path, kind: str, receipts: Receipts) -> None:
    store = made(kind, tmp_path / "chat.db", receipts)
    await store.open()
    for fact in SETTLED:
        await store.append(fact)
    (once,) = await store.append(again())
    await store.append(posted("one second later"))
    assert await store.append(again()) == [once]
    await store.append(posted("later", client_id="c2"))
    (anew,) = await store.append(again())
    assert anew.position == once.position + 3
    assert await store.append(again()) == [anew]
    await store.close()


async def test_receipts_do_not_pile_up(tmp_path: Path) -> None:
    store = made("sqlite", tmp_path / "chat.db", Receipts(entries=10))
    await store.open()
    for fact in SETTLED:
        await store.append(fact)
    for number in range(50):
        await store.append(again(client_id=str(number)))
    with closing(sqlite3.connect(tmp_path / "chat.db")) as database:
        assert database.execute("SELECT count(*) FROM receipt").fetchone() == (10,)
    await store.close()


async def test_history_goes_on_after_a_message(store: Store) -> None:
    for number in range(1, 6):
        await store.append(posted(f"{number}", client_id=f"c{number}"))
    await store.append(posted("elsewhere", LAB))
    found = await store.history_after(OPS, 2, 2)
    assert [(m.id, m.text, m.client_id, m.room_name) for m in found] == [
        (3, "3", "c3", "Ops"),
        (4, "4", "c4", "Ops"),
    ]
    assert [m.id for m in await store.history_after(OPS, 0, 99)] == [1, 2, 3, 4, 5]
    assert await store.history_after(OPS, 5, 99) == []
    assert await store.history_after(OPS, 0, 0) == []
    assert await store.history_after(NOWHERE, 0, 9) == []


# --- groups, add-ins, invitations, preferences, and what is no more ---


def group(uri: GroupUri, name: str = "Team") -> GroupChanged:
    return GroupChanged(Group(uri, name, name, guid=uri))


async def test_groups_hold_each_other_but_never_themselves(store: Store) -> None:
    await store.append(group(TEAM), group(CREW), GroupMembersAdded(TEAM, (ADA, CREW)))
    for holder, member in ((CREW, TEAM), (CREW, CREW), (TEAM, TEAM)):
        with pytest.raises(GroupCycle):
            await store.append(GroupMembersAdded(holder, (member,)))
    with pytest.raises(NoSuchPrincipal, match="no such group"):
        await store.append(GroupMembersAdded(GroupUri("ma-grp:none@u.g"), (ADA,)))
    snapshot = await store.snapshot()
    assert [one.uri for one in snapshot.groups] == [CREW, TEAM]
    assert snapshot.memberships == (GroupMembersAdded(TEAM, (CREW,)),)
    assert await store.members(TEAM) == [CREW, ADA]
    assert await store.members(CREW) == []
    assert store.groups_of(ADA) == store.groups_of(CREW) == [TEAM]
    assert store.groups_of(TEAM) == []
    assert set(await store.held_by([TEAM, BOB])) == {TEAM, CREW, ADA, BOB}


async def test_a_principal_that_is_no_more_has_no_role_and_no_membership(store: Store) -> None:
    await store.append(
        group(TEAM),
        GroupMembersAdded(TEAM, (ADA, BOB)),
        RolesGranted(OPS, Role.MANAGER, (TEAM, EVE)),
        UsersInvited(OPS, (ADA,)),
    )
    await store.set_preference(ADA, "rooms", "a")
    await store.append(UserRemoved(ADA), GroupRemoved(TEAM), user(ADA, guid="another"))
    snapshot = await store.snapshot()
    held = {one for grant in snapshot.roles for one in grant.principals}
    assert held == {BOB, EVE}
    assert (snapshot.groups, snapshot.memberships) == ((), ())
    assert await store.preference(ADA, "rooms") is None
    assert await store.invitations(ADA, 0, 9) == []


async def test_a_room_that_is_no_more_takes_everything_with_it(store: Store) -> None:
    await store.append(posted("hello"), posted("told", kept=False), UsersInvited(OPS, (ADA,)))
    await store.append(ParticipantJoined(OPS, ADA, "s", "n"), posted("last"), RoomRemoved(OPS))
    snapshot = await store.snapshot()
    assert {one.uri for one in snapshot.rooms} == {LAB}
    assert {grant.room for grant in snapshot.roles} == {LAB}
    assert snapshot.participants == ()
    assert await store.history(OPS, last=9) == []
    assert await store.invitations(ADA, 0, 9) == []
    said = [e.fact.message for e in await store.read(0) if isinstance(e.fact, MessagePosted)]
    assert [message.text for message in said] == ["", "", ""]
    await store.append(ParticipantParted(OPS, ADA, "s", "n"), room(NOWHERE, "Ops"))
    with pytest.raises(RoomNotFound, match="no such room"):
        await store.append(posted("nobody hears"))


async def test_a_category_is_not_taken_from_under_its_rooms(store: Store) -> None:
    with pytest.raises(HierarchyViolation, match="holds 2 rooms"):
        await store.append(CategoryRemoved(GENERAL))
    await store.append(RoomRemoved(OPS), RoomRemoved(LAB), CategoryRemoved(GENERAL))
    assert (await store.snapshot()).categories == ()


async def test_a_room_tells_who_made_and_changed_it_and_when(store: Store) -> None:
    by = Changes(updated_by=BOB)
    (changed,) = await store.append(room(changes=by))
    (known,) = [one for one in (await store.snapshot()).rooms if one.uri == OPS]
    assert isinstance(changed.fact, RoomChanged)
    assert known.changes == changed.fact.room.changes
    assert (known.changes.created_by, known.changes.updated_by) == (None, BOB)
    assert known.changes.created_on is not None
    assert known.changes.updated_on is not None
    assert known.changes.created_on < known.changes.updated_on


async def test_a_stale_change_of_a_room_collides(store: Store) -> None:
    (read,) = [r.changes.updated_on for r in (await store.snapshot()).rooms if r.uri == OPS]
    first = RoomChanged(room(description="a").room, read)
    second = RoomChanged(room(description="b").room, read)
    await store.append(first)
    with pytest.raises(DataCollision, match="Ops"):
        await store.append(second)
    assert {r.description for r in (await store.snapshot()).rooms} == {"a", ""}


async def test_names_that_look_alike_are_one(store: Store) -> None:
    for name in ("\uff2f\uff30\uff33", "\u041eps", "O\u200bps", " ops"):
        with pytest.raises(DuplicateRoomName, match="looks like"):
            await store.append(room(NOWHERE, name))


async def test_add_ins_have_names_of_their_own(store: Store) -> None:
    await store.append(AddInChanged(AddIn("1", "Wiki", "https://w.example")))
    with pytest.raises(DuplicateAddInName):
        await store.append(AddInChanged(AddIn("2", "WIKI")))
    await store.append(AddInChanged(AddIn("1", "WIKI")), AddInRemoved("2"))
    assert (await store.snapshot()).add_ins == (AddIn("1", "WIKI"),)


async def test_invitations_count_up_within_a_user(store: Store) -> None:
    (both,) = await store.append(UsersInvited(OPS, (ADA, BOB, ADA)))
    (one,) = await store.append(UsersInvited(LAB, (ADA, SipUri("sip:nobody@contoso.example"))))
    (none,) = await store.append(UsersInvited(LAB, (ADA,)))
    facts_ = [entry.fact for entry in (both, one, none)]
    assert facts_ == [
        UsersInvited(OPS, (ADA, BOB), (1, 1)),
        UsersInvited(LAB, (ADA,), (2,)),
        UsersInvited(LAB, ()),
    ]
    assert [(i.id, i.room) for i in await store.invitations(ADA, 0, 9)] == [(1, OPS), (2, LAB)]
    assert [i.id for i in await store.invitations(ADA, 1, 9)] == [2]
    assert [i.id for i in await store.invitations(ADA, 0, 1)] == [1]


async def test_preferences_have_versions(store: Store) -> None:
    assert await store.preference(ADA, "rooms") is None
    assert await store.set_preference(ADA, "rooms", "a") == Preference("rooms", 1, "a")
    assert await store.set_preference(ADA, "rooms", "b", expected=1) == Preference("rooms", 2, "b")
    with pytest.raises(DataCollision):
        await store.set_preference(ADA, "rooms", "c", expected=1)
    assert await store.preference(ADA, "rooms") == Preference("rooms", 2, "b")
    assert await store.preference(BOB, "rooms") is None
    with pytest.raises(NoSuchPrincipal, match="no such user"):
        await store.set_preference(SipUri("sip:nobody@contoso.example"), "rooms", "a")


# --- what administrators replace or take away ---


async def test_a_replaced_message_says_something_else_everywhere_and_keeps_its_place(
    store: Store,
) -> None:
    for text in ("one", "two secrets", "three"):
        await store.append(posted(text, rtf="{rtf}", client_id=text))
    (entry,) = await store.append(MessagesModerated(OPS, (2, 99), "gone by order"))
    assert entry.fact == MessagesModerated(OPS, (2,), "gone by order")
    said = await store.history(OPS, last=9)
    assert [(one.id, one.text) for one in said] == [(1, "one"), (2, "gone by order"), (3, "three")]
    assert [one.rtf for one in said] == ["{rtf}", None, "{rtf}"]
    assert (said[1].author, said[1].author_name) == (ADA, "Ada")
    for words, ids in (("secrets", []), ("order", [2]), ("two", []), ("three", [3])):
        (found,) = await store.search([OPS], HistoryQuery(words))
        assert [one.id for one in found.messages] == ids
    told = [e.fact for e in await store.read(len(SETTLED)) if isinstance(e.fact, MessagePosted)]
    assert [fact.message.text for fact in told] == ["one", "gone by order", "three"]
    assert message_ids(await store.append(posted("four"))) == [4]


async def test_a_message_taken_away_is_nowhere_and_its_number_is_not_given_again(
    store: Store,
) -> None:
    await store.append(posted("one"), posted("two secrets", rtf="{rtf}", client_id="c"))
    await store.append(MessagesModerated(OPS, (2,)))
    assert [one.text for one in await store.history(OPS, last=9)] == ["one"]
    assert [one.text for one in await store.history_after(OPS, 0, 9)] == ["one"]
    (found,) = await store.search([OPS], HistoryQuery("secrets"))
    assert (found.messages, found.total) == ((), 0)
    told = [e.fact for e in await store.read(len(SETTLED)) if isinstance(e.fact, MessagePosted)]
    assert [(fact.message.text, fact.message.rtf) for fact in told] == [("one", None), ("", None)]
    assert message_ids(await store.append(posted("two secrets", client_id="c"))) == [2]  # known
    assert message_ids(await store.append(posted("three"))) == [3]


async def test_the_first_text_is_kept_whatever_is_done_afterwards(store: Store) -> None:
    await store.append(posted("as posted", rtf="{rtf}"), posted("untouched"))
    (first, _) = await store.history(OPS, last=9)
    for text in ("once", "twice", None):
        (entry,) = await store.append(MessagesModerated(OPS, (1,), text))
        (kept,) = await store.originals(OPS)
        assert (kept.original, kept.text, kept.at.timestamp()) == (first, text, entry.at)
    (late,) = await store.append(MessagesModerated(OPS, (1,), "nobody is there"))
    assert late.fact == MessagesModerated(OPS, (), "nobody is there")
    assert [one.text for one in await store.originals(OPS)] == [None]
    assert await store.originals(LAB) == []
    await store.append(RoomRemoved(OPS))
    assert await store.originals(OPS) == []
    with pytest.raises(RoomNotFound):
        await store.append(MessagesModerated(OPS, (1,)))


async def test_what_is_purged_is_kept_nowhere(store: Store) -> None:
    await store.append(posted("one"), posted("two"), posted("three"))
    await store.append(MessagesModerated(OPS, (1,)), MessagesModerated(OPS, (2, 3), "hush"))
    (entry,) = await store.append(MessagesModerated(OPS, (1, 2), originals=False))
    assert entry.fact == MessagesModerated(OPS, (2,), originals=False)
    assert [one.text for one in await store.history(OPS, last=9)] == ["hush"]
    assert [one.original.text for one in await store.originals(OPS)] == ["three"]
    told = [e.fact for e in await store.read(len(SETTLED)) if isinstance(e.fact, MessagePosted)]
    assert [fact.message.text for fact in told] == ["", "", "hush"]


async def test_a_user_and_the_secret_are_made_together_or_not_at_all(store: Store) -> None:
    new = user(SipUri("sip:new@contoso.example")).user
    (entry,) = await store.enroll((new, b"sealed"))
    assert entry.fact == UserChanged(new)
    assert store.secret(new.uri) == b"sealed"
    assert new in await store.users()
    with pytest.raises(StorageError, match="another GUID"):
        await store.enroll((replace(new, guid="other"), b"stolen"))
    assert store.secret(new.uri) == b"sealed"


async def test_many_users_are_made_together_or_none_of_them(store: Store) -> None:
    some = [user(SipUri(f"sip:new{number}@contoso.example")).user for number in range(3)]
    entries = await store.enroll((some[0], b"one"), (some[1], None))
    assert [entry.fact for entry in entries] == [UserChanged(one) for one in some[:2]]
    assert [store.secret(one.uri) for one in some[:2]] == [b"one", None]
    with pytest.raises(StorageError, match="another GUID"):
        await store.enroll((some[2], b"new"), (replace(some[0], guid="other"), b"stolen"))
    assert some[2] not in await store.users()
    assert store.secret(some[0].uri) == b"one"


async def test_an_outline_has_the_roles_of_the_rooms_that_are_named(store: Store) -> None:
    whole = await store.snapshot()
    (ops,) = [one for one in whole.rooms if one.uri == OPS]
    named, addressed = await store.outline(ops.name.upper()), await store.outline(OPS)
    assert named == addressed
    assert named.roles == tuple(one for one in whole.roles if one.room == OPS) != ()
    assert (await store.outline()).roles == ()
    assert (named.users, named.participants) == ((), ())
    assert (named.rooms, named.categories) == (whole.rooms, whole.categories)


# appends that nobody waits for


class Ear:
    """Hears what became of appends."""

    def __init__(self) -> None:
        self.heard: list[list[JournalEntry] | PerchatError] = []
        self._more = asyncio.Event()

    def __call__(self, outcome: list[JournalEntry] | PerchatError) -> None:
        self.heard.append(outcome)
        self._more.set()

    async def all_of(self, count: int) -> list[list[JournalEntry] | PerchatError]:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                self._more.clear()
                await self._more.wait()
        return self.heard


async def test_who_does_not_wait_is_told_once_in_order_and_later(store: Store) -> None:
    ear, texts = Ear(), [str(number) for number in range(50)]
    for text in texts:
        store.append_then(ear, posted(text))
    assert ear.heard == [], "not before it is durable"
    told = await ear.all_of(50)
    assert told == [[entry] for entry in await store.read(len(SETTLED))]
    assert [message.text for message in await store.history(OPS, last=99)] == texts


async def test_who_does_not_wait_is_told_what_is_wrong(store: Store) -> None:
    ear = Ear()
    store.append_then(ear, posted("nowhere", NOWHERE))
    store.append_then(ear, posted("here"))
    wrong, right = await ear.all_of(2)
    assert isinstance(wrong, RoomNotFound)
    assert isinstance(right, list)


async def test_all_or_nothing_of_what_is_appended_at_once_is_told_of(store: Store) -> None:
    ear, before = Ear(), await store.position()
    store.append_then(ear, posted("one"), posted("two", NOWHERE))
    assert isinstance((await ear.all_of(1))[0], RoomNotFound)
    assert await store.position() == before


async def test_a_store_is_claimed_once_and_free_again_when_it_is_closed(
    empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perchat.store.nodefile._PATIENCE", 0.0)
    assert await empty.nodes() == []
    await empty.claim("one")
    (node,) = await empty.nodes()
    assert (node.node, node.pid, node.followed) == ("one", os.getpid(), 0)
    with pytest.raises(NodeInUse, match=f"node one, process {os.getpid()}, since 2023-"):
        await empty.claim("one")
    await empty.close()
    await empty.open()
    assert await empty.nodes() == []


async def test_servers_are_waited_for_until_they_have_followed(store: Store) -> None:
    assert await store.followed(10_000, within=5) == []  # there is no server
    await store.claim("one")
    store.note_followed(7)
    assert await store.followed(7, within=0) == []
    (behind,) = await store.followed(8, within=0.01)
    assert (behind.node, behind.followed) == ("one", 7)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(store.followed(8, within=10))
        await asyncio.sleep(0)
        store.note_followed(8)
        assert await waiting == []
