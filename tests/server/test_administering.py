"""Administration from elsewhere than the server: what is done, who may, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import perchat
from perchat.model.administration import AdministrativeRole
from perchat.model.journal import Administered
from perchat.net.trace import masked_text
from perchat.xccos.administrative import AdministrativeReply, AdministrativeRequest, Values
from perchat.xccos.blocks import Nothing
from perchat.xccos.encoder import encode
from perchat.xccos.primitives import Command, Envelope
from tests.server.harness import make_sample, running
from tests.server.talking import bystanders, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.server.harness import Sample

ADMINISTRATOR, MODERATOR = AdministrativeRole.ADMINISTRATOR, AdministrativeRole.MODERATOR
BOB, CAROL = "sip:bob@example.com", "sip:carol@example.com"
NEW = "Another-Pass-1"


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    """A server where bob administers all, carol the category Company, and alice moderates."""
    config = await make_sample(tmp_path / "server", search_results=2, administration_values=20)
    async with running(config) as server:
        async with server.admin() as admin:
            await admin.add_category("Elsewhere")
            await admin.add_room("Far", "Elsewhere", members=("alice",))
            await admin.grant_role("bob", ADMINISTRATOR)
            await admin.grant_role("carol", ADMINISTRATOR, ["Company"])
            await admin.grant_role("alice", MODERATOR)
        yield server


def administrator(sample: Sample, name: str = "bob", *, tcp: bool = False) -> Any:
    return connect(sample, name, tcp=tcp)


async def test_categories_are_made_changed_and_removed(sample: Sample) -> None:
    async with administrator(sample) as bob:
        categories = bob.admin.categories
        made = await categories.add("Lab", description="d", deny="alice", invitations=True)
        assert made == await categories.get("lab")
        changed = await categories.set(made, name="Labs", no_deny=["alice"], creators=BOB)
        assert (changed.name, changed.denied, changed.creators) == ("Labs", set(), {BOB})
        assert changed.invitations
        assert changed.description == "d"
        assert [one.name async for one in categories.list()] == ["Company", "Elsewhere", "Labs"]
        assert await categories.remove("Labs") == changed
        with pytest.raises(perchat.RoomNotFound):
            await categories.get(made)
        with pytest.raises(perchat.HierarchyViolation):
            await categories.remove("Company")


async def test_rooms_are_made_changed_moved_staffed_and_removed(sample: Sample) -> None:
    async with administrator(sample) as bob:
        rooms = bob.admin.rooms
        made = await rooms.add(
            "Ops", "Company", privacy=perchat.Privacy.SECRET, members=["bob", CAROL], invites=False
        )
        assert (made.category, made.members, made.room.invites) == ("Company", (BOB, CAROL), False)
        assert await rooms.grant(made.room, perchat.Role.MANAGER, ["bob", "carol"]) == (BOB, CAROL)
        assert await rooms.grant(made.room, perchat.Role.MANAGER, "bob") == ()
        assert await rooms.revoke("Ops", perchat.Role.MEMBER, CAROL) == (CAROL,)
        changed = await rooms.set("Ops", name="Ops 2", disabled=True, invites=True)
        assert (changed.room.name, changed.room.disabled, changed.room.invites) == (
            *("Ops 2", True, True),
        )
        assert not (await rooms.set("Ops 2", disabled=False)).room.disabled
        moved = await rooms.move("Ops 2", "Elsewhere")
        assert (moved.category, moved.managers) == ("Elsewhere", (BOB, CAROL))
        names = [one.room.name async for one in rooms.list()]
        assert names == ["Far", "General", "Ops 2", "Private"]
        assert (await rooms.remove("Ops 2")).room.uri == made.room.uri
        with pytest.raises(perchat.RoomNotFound):
            await rooms.get(made.room)


async def test_users_are_made_sign_in_are_changed_and_removed(sample: Sample) -> None:
    async with administrator(sample) as bob:
        users = bob.admin.users
        made = await users.add("erin", "First-Pass-1", display_name="Erin")
        async with connect(sample, "erin", password="First-Pass-1"):
            pass
        await users.set("erin", surname="E.", password=NEW)
        async with connect(sample, "erin", password=NEW):
            pass
        assert (await users.get(made)).surname == "E."
        found = [one.name async for one in users.list()]
        assert found == ["alice", "bob", "carol", "dave", "erin"]
        await users.remove(made)
        with pytest.raises(perchat.NoSuchPrincipal):
            await users.get("erin")
    with pytest.raises(perchat.AuthenticationError):
        async with connect(sample, "erin", password=NEW):
            pass


async def test_groups_hold_more_and_less_and_go(sample: Sample) -> None:
    async with administrator(sample) as bob:
        groups = bob.admin.groups
        made = await groups.add("Sales", ["bob"])
        assert await groups.add_members("Sales", ["bob", "carol"]) == (CAROL,)
        assert await groups.remove_members(made.group, ["bob", "alice"]) == (BOB,)
        assert (await groups.get(made.group)).members == (CAROL,)
        for name in ("A", "B"):
            await groups.add(name, container=name == "A")
        assert [one.group.name async for one in groups.list()] == ["A", "B", "Sales"]
        await groups.remove("Sales")
        with pytest.raises(perchat.NoSuchPrincipal):
            await groups.get("Sales")


async def test_who_administers_a_category_sees_and_changes_nothing_beyond_it(
    sample: Sample,
) -> None:
    async with administrator(sample, "carol") as carol:
        admin = carol.admin
        assert [one.name async for one in admin.categories.list()] == ["Company"]
        assert [one.room.name async for one in admin.rooms.list()] == ["General", "Private"]
        made = await admin.rooms.add("Ops", "Company", members=["carol"])
        assert made.members == (CAROL,)
        calls: tuple[Callable[[], Any], ...] = (
            lambda: admin.rooms.get("Far"),
            lambda: admin.rooms.get("Nowhere"),
            lambda: admin.rooms.add("Ops 2", "Elsewhere"),
            lambda: admin.rooms.move("Ops", "Elsewhere"),
            lambda: admin.rooms.move("Far", "Company"),
            lambda: admin.rooms.remove("Far"),
            lambda: admin.categories.get("Elsewhere"),
        )
        for call in calls:
            with pytest.raises(perchat.RoomNotFound, match="no such room or category"):
                await call()
        with pytest.raises(perchat.DuplicateRoomName, match=r"the name is taken$"):
            await admin.rooms.add("far", "Company")


ANYTHING: dict[str, Callable[[perchat.AdminServices], Any]] = {
    "categories": lambda a: a.categories.add("X"),
    "walls": lambda a: a.categories.set("Company", deny="bob"),
    "rooms": lambda a: a.rooms.add("X", "Company"),
    "no room": lambda a: a.rooms.get("Nowhere"),
    "roles": lambda a: a.rooms.grant("Private", perchat.Role.MEMBER, "alice"),
    "users": lambda a: a.users.set("dave", chat_enabled=True),
    "groups": lambda a: a.groups.add("X"),
    "a list": lambda a: anext(a.users.list()),
    "nonsense": lambda a: a._do("frobnicate"),
}


@pytest.mark.parametrize("what", ANYTHING)
async def test_who_was_not_granted_it_is_refused_whatever_there_is(
    sample: Sample, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with bystanders(sample), administrator(sample, "alice") as alice:
        with pytest.raises(perchat.PermissionDenied):
            await ANYTHING[what](alice.admin)
    assert "of sip:alice@example.com: cmd:administer was denied" in caplog.text
    async with sample.admin() as admin:
        assert [one.name for one in await admin.categories()] == ["Company", "Elsewhere"]
        assert len(await admin.rooms()) == 3


@pytest.mark.parametrize("what", ["categories", "walls", "users", "groups", "a list"])
async def test_who_administers_a_category_does_not_administer_what_concerns_all(
    sample: Sample, what: str
) -> None:
    async with administrator(sample, "carol") as carol:
        with pytest.raises(perchat.PermissionDenied):
            await ANYTHING[what](carol.admin)


async def test_administrators_are_changed_at_the_server_only(sample: Sample) -> None:
    async with administrator(sample) as bob:
        calls: tuple[Callable[[], Any], ...] = (
            lambda: bob.admin.users.set("carol", password=NEW),
            lambda: bob.admin.users.set("bob", enabled=False),
            lambda: bob.admin.users.remove("alice"),
        )
        for call in calls:
            with pytest.raises(perchat.PermissionDenied, match="at the server only"):
                await call()


async def test_a_password_goes_over_tls_only(sample: Sample) -> None:
    async with administrator(sample, tcp=True) as bob:
        with pytest.raises(perchat.PermissionDenied, match="TLS"):
            await bob.admin.users.add("erin", NEW)
        with pytest.raises(perchat.PermissionDenied, match="TLS"):
            await bob.admin.users.set("dave", password=NEW)


def test_a_password_shows_in_no_repr_and_no_trace() -> None:
    request = AdministrativeRequest("user.add", Values.of(name="erin"), "pass word <1>")
    document = encode(Envelope("1", (Command("administer", request),))).decode()
    assert "pass word" not in repr(request)
    assert "<password>***</password>" in masked_text(document)


@pytest.mark.parametrize(
    ("call", "error", "why"),
    [
        (lambda a: a.rooms.add("", "Company"), perchat.InvalidArgument, "room name"),
        (lambda a: a.rooms.add("general", "Company"), perchat.DuplicateRoomName, "General"),
        (
            lambda a: a.rooms.add("X", "Company", members="nobody"),
            perchat.NoSuchPrincipal,
            "nobody",
        ),
        (lambda a: a.rooms.get("Nowhere"), perchat.RoomNotFound, "Nowhere"),
        (
            lambda a: a.rooms.grant("General", perchat.Role.CREATOR, "bob"),
            perchat.InvalidArgument,
            "role in rooms",
        ),
        (
            lambda a: a.rooms.grant("General", perchat.Role.MEMBER, [f"u{n}" for n in range(30)]),
            perchat.LimitExceeded,
            "20",
        ),
        (lambda a: a.users.add("alice", NEW), perchat.InvalidArgument, "exists"),
        (lambda a: a.users.add("erin", ""), perchat.InvalidArgument, "not empty"),
        (lambda a: a.users.remove("nobody"), perchat.NoSuchPrincipal, "nobody"),
        (lambda a: a._do("frobnicate"), perchat.NotSupported, "operation"),
        (lambda a: a._do("room.set", room="General", disabled="maybe"), None, "maybe"),
        (lambda a: a._do("room.set", room="General", privacy="ajar"), None, "ajar"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_reason(
    sample: Sample, call: Callable[[Any], Any], error: type[Exception] | None, why: str
) -> None:
    async with bystanders(sample), administrator(sample) as chat:
        with pytest.raises(error or perchat.InvalidArgument, match=why):
            await call(chat.admin)


async def test_everybody_may_ask_what_he_was_granted(sample: Sample) -> None:
    async with administrator(sample, "carol") as carol:
        (grant,) = await carol.admin.grants()
        company = (await carol.admin.categories.get("Company")).uri
    assert (grant.user, grant.role, grant.categories) == (CAROL, ADMINISTRATOR, {company})


async def test_what_is_taken_back_is_refused_in_the_same_session(sample: Sample) -> None:
    async with administrator(sample) as bob:
        await bob.admin.groups.add("Before")
        async with sample.admin() as admin:
            await admin.revoke_role("bob", ADMINISTRATOR)
        with pytest.raises(perchat.PermissionDenied):
            await bob.admin.groups.add("After")
        assert await bob.admin.grants() == ()


async def test_what_was_done_by_whom_stands_in_the_journal(sample: Sample) -> None:
    async with administrator(sample) as bob:
        made = await bob.admin.rooms.add("Ops", "Company", members=["bob"])
        await bob.admin.users.set("dave", password=NEW)
    async with sample.admin() as admin:
        newest = [entry.fact async for entry in admin.administrators.record()][-3:]
    assert newest == [
        Administered(BOB, "room add", made.room.uri, 2),
        Administered(BOB, "user set", "sip:dave@example.com", 1),
        Administered(BOB, "user password", "sip:dave@example.com", 1),
    ]


async def test_a_command_that_says_nothing_is_refused(sample: Sample) -> None:
    async with bystanders(sample), administrator(sample) as bob:
        for name in ("administer", "moderate"):
            with pytest.raises(perchat.InvalidArgument):
                await bob.command(name, Nothing(), AdministrativeReply)
