"""
The command by which administrators work from elsewhere: one row for each operation.

A row says where the caller needs the role of administrator, and which of the operations
of `perchat.server.admin` it is; the command line calls the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from perchat.chat.refusal import Refusal, refuse
from perchat.errors import CommandFailed, ConfigurationError, ErrorCode
from perchat.model.administration import AdministrativeRole, GroupEntry
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.invitation import InviteSetting
from perchat.model.name import fold
from perchat.server.rows import Listing, Row, fitting, invalid, refuse_saying
from perchat.sip.lane import framed
from perchat.xccos.administrative import AdministrativeReply, AdministrativeRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from perchat.model.category import Category
    from perchat.model.uri import CategoryUri, SipUri
    from perchat.server.admin import Admin
    from perchat.server.session import ChatSession
    from perchat.xccos.administrative import Record, Values
    from perchat.xccos.primitives import Command

__all__ = ["ADMINISTERING", "OPERATIONS", "Operation"]

_OWN = "grants"
_ADMINISTRATOR = AdministrativeRole.ADMINISTRATOR
_UNSEEN = Refusal(ErrorCode.NO_SUCH_NODE, "there is no such room or category")


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What an operation works with.

    Attributes:
        session: Whose command it is.
        admin: The administration, in the caller's name.

    """

    session: ChatSession
    admin: Admin
    request: AdministrativeRequest

    @property
    def values(self) -> Values:
        """What the command says."""
        return self.request.values

    @property
    def most(self) -> int:
        """Records of one answer."""
        return self.session.services.chat.settings.search_limit

    def administers(self, category: CategoryUri | None) -> bool:
        """Tell whether the caller administers a category, or with None everything."""
        state = self.session.services.chat.state
        return state.holds(self.session.user.uri, _ADMINISTRATOR, category)

    def changes(self, *names: str) -> dict[str, Any]:
        """Return the texts of these names that were given."""
        return {name: text for name in names if (text := self.values.maybe(name)) is not None}

    def switches(self, *names: str) -> dict[str, bool]:
        """Return the truth values of these names that were given."""
        return {name: on for name in names if (on := self.values.switch(name)) is not None}


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One thing administrators do.

    Attributes:
        run: Does it.
        within: The value that names the room it is about, or with ``category`` the category;
            empty for what concerns everything.
        lists: Whether it shows what the caller administers, and no more.

    """

    run: Callable[[Asked], Awaitable[AdministrativeReply]]
    room: str = ""
    category: str = ""
    lists: bool = False


# --- categories ---


def _some(asked: Asked, records: Sequence[Record]) -> AdministrativeReply:
    """Return a page of records, with no more principals in it than one command may name."""
    limit = asked.session.services.chat.settings.administration_values
    weights = accumulate(len(getattr(one, "members", ())) for one in records)
    fits = sum(weight <= limit for weight in weights)
    page = tuple(records[: min(max(fits, 1), asked.most)])
    return AdministrativeReply(page, more=len(page) < len(records))


async def _category_list(asked: Asked) -> AdministrativeReply:
    after = fold(asked.values.text("after"))
    found = [
        one
        for one in await asked.admin.categories()
        if fold(one.name) > after and asked.administers(one.uri)
    ]
    return _some(asked, found)


async def _category_get(asked: Asked) -> AdministrativeReply:
    return AdministrativeReply((await asked.admin.category(asked.values.text("category")),))


async def _category_add(asked: Asked) -> AdministrativeReply:
    switches = asked.switches("invitations", "file_posts", "keeps_history")
    made = await asked.admin.add_category(
        asked.values.text("name"),
        description=asked.values.text("description"),
        allow=asked.values.many("allow"),
        deny=asked.values.many("deny"),
        creators=asked.values.many("creators"),
        **switches,
    )
    return AdministrativeReply((made,))


async def _category_set(asked: Asked) -> AdministrativeReply:
    lists = ("allowed", "denied", "creators")
    add, remove = (
        {name: asked.values.many(f"{way}_{name}") for name in lists} for way in ("add", "remove")
    )
    changes = asked.changes("name", "description")
    changes |= asked.switches("invitations", "file_posts", "keeps_history")
    category = asked.values.text("category")
    return AdministrativeReply(
        (await asked.admin.set_category(category, add=add, remove=remove, **changes),)
    )


async def _category_rm(asked: Asked) -> AdministrativeReply:
    gone: Category = await asked.admin.remove_category(asked.values.text("category"))
    return AdministrativeReply((gone,))


# --- rooms ---


async def _room_list(asked: Asked) -> AdministrativeReply:
    after, most = asked.values.text("after"), asked.most
    return _some(asked, await asked.admin.rooms(after, most + 1, asked.administers))


async def _room_get(asked: Asked) -> AdministrativeReply:
    return await _entry(asked, asked.values.text("room"))


async def _entry(asked: Asked, room: str) -> AdministrativeReply:
    return AdministrativeReply((await asked.admin.room(room),))


async def _room_add(asked: Asked) -> AdministrativeReply:
    values = asked.values
    made = await asked.admin.add_room(
        values.text("name"),
        values.text("category"),
        description=values.text("description"),
        privacy=_or(values.word("privacy", Privacy), Privacy.CLOSED),
        behavior=_or(values.word("behavior", Behavior), Behavior.NORMAL),
        add_in=values.text("add_in"),
        members=values.many("members"),
        managers=values.many("managers"),
        presenters=values.many("presenters"),
        **asked.switches("invites"),
    )
    return await _entry(asked, made.uri)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


async def _room_set(asked: Asked) -> AdministrativeReply:
    values = asked.values
    changes = asked.changes("name", "description", "add_in") | asked.switches("disabled")
    words = {
        "privacy": values.word("privacy", Privacy),
        "behavior": values.word("behavior", Behavior),
    }
    changes |= {name: word for name, word in words.items() if word is not None}
    if (invites := values.switch("invites")) is not None:
        changes["invitations"] = InviteSetting.INHERIT if invites else InviteSetting.OFF
    return await _entry(asked, (await asked.admin.set_room(values.text("room"), **changes)).uri)


async def _room_move(asked: Asked) -> AdministrativeReply:
    moved = await asked.admin.move_room(asked.values.text("room"), asked.values.text("category"))
    return await _entry(asked, moved.uri)


async def _room_rm(asked: Asked) -> AdministrativeReply:
    entry = await _entry(asked, asked.values.text("room"))
    await asked.admin.remove_room(asked.values.text("room"))
    return entry


async def _room_grant(asked: Asked) -> AdministrativeReply:
    return await _roles(asked, asked.admin.grant)


async def _room_revoke(asked: Asked) -> AdministrativeReply:
    return await _roles(asked, asked.admin.revoke)


async def _roles(
    asked: Asked, act: Callable[[str, Role, Collection[str]], Awaitable[tuple[str, ...]]]
) -> AdministrativeReply:
    values = asked.values
    role = values.word("role", Role)
    if role is None or role is Role.CREATOR:
        raise ValueError("name a role in rooms: member, manager or presenter")
    return AdministrativeReply(
        names=await act(values.text("room"), role, values.many("principals"))
    )


# --- users ---


async def _user_list(asked: Asked) -> AdministrativeReply:
    after, most = asked.values.text("after"), asked.most
    return _some(asked, await asked.admin.users(after, most + 1))


async def _user_get(asked: Asked) -> AdministrativeReply:
    return AdministrativeReply((await asked.admin.user(asked.values.text("user")),))


async def _user_add(asked: Asked) -> AdministrativeReply:
    made = await asked.admin.add_user(
        asked.values.text("name"),
        None if asked.values.switch("service") else _password(asked),
        display_name=asked.values.text("display_name"),
        **asked.switches("chat_enabled", "service"),
    )
    return AdministrativeReply((made,))


async def _user_set(asked: Asked) -> AdministrativeReply:
    name = asked.values.text("user")
    _check_ordinary(asked, name)
    texts = ("display_name", "given_name", "surname", "email", "company")
    changes = asked.changes(*texts) | asked.switches("enabled", "chat_enabled", "system", "service")
    if asked.request.password is not None:
        changes["password"] = _password(asked)
    return AdministrativeReply((await asked.admin.set_user(name, **changes),))


async def _user_rm(asked: Asked) -> AdministrativeReply:
    name = asked.values.text("user")
    _check_ordinary(asked, name)
    return AdministrativeReply((await asked.admin.remove_user(name),))


def _password(asked: Asked) -> str:
    """Return the password of the command; what anybody could read on the way is refused."""
    _, is_tls = asked.session.arrival
    if not is_tls:
        raise _denied("passwords are set over TLS only")
    if not asked.request.password:
        raise ValueError("a password is not empty")
    return asked.request.password


def _check_ordinary(asked: Asked, name: str) -> None:
    """Refuse to touch who administers: that is done at the server."""
    state = asked.session.services.chat.state
    if asked.admin.address(name).address in state.administrators:
        raise _denied("who holds an administrative role is changed at the server only")


def _denied(why: str) -> CommandFailed:
    return CommandFailed.of(ErrorCode.ERROR_PERMISSION, why)


# --- groups ---


async def _group_list(asked: Asked) -> AdministrativeReply:
    found = await asked.admin.groups(asked.values.text("after"), asked.most + 1)
    return _some(asked, [GroupEntry(*one) for one in found])


async def _group_get(asked: Asked) -> AdministrativeReply:
    return await _group(asked, asked.values.text("group"))


async def _group(asked: Asked, name: str) -> AdministrativeReply:
    return AdministrativeReply((GroupEntry(*await asked.admin.group(name)),))


async def _group_add(asked: Asked) -> AdministrativeReply:
    values = asked.values
    made = await asked.admin.add_group(
        values.text("name"), values.many("members"), container=bool(values.switch("container"))
    )
    return await _group(asked, made.uri)


async def _group_rm(asked: Asked) -> AdministrativeReply:
    entry = await _group_get(asked)
    await asked.admin.remove_group(asked.values.text("group"))
    return entry


async def _group_members_add(asked: Asked) -> AdministrativeReply:
    group, named = asked.values.text("group"), asked.values.many("principals")
    return AdministrativeReply(names=await asked.admin.add_group_members(group, named))


async def _group_members_rm(asked: Asked) -> AdministrativeReply:
    group, named = asked.values.text("group"), asked.values.many("principals")
    return AdministrativeReply(names=await asked.admin.remove_group_members(group, named))


async def _grants(asked: Asked) -> AdministrativeReply:
    """Return what roles the caller holds, which everybody may know of himself."""
    state = asked.session.services.chat.state
    return AdministrativeReply(tuple(state.administrators.get(asked.session.user.uri, {}).values()))


OPERATIONS: Mapping[str, Operation] = {
    "category.list": Operation(_category_list, lists=True),
    "category.get": Operation(_category_get, category="category"),
    "category.add": Operation(_category_add),
    "category.set": Operation(_category_set),
    "category.rm": Operation(_category_rm),
    "room.list": Operation(_room_list, lists=True),
    "room.get": Operation(_room_get, room="room"),
    "room.add": Operation(_room_add, category="category"),
    "room.set": Operation(_room_set, room="room"),
    "room.move": Operation(_room_move, room="room", category="category"),
    "room.rm": Operation(_room_rm, room="room"),
    "room.grant": Operation(_room_grant, room="room"),
    "room.revoke": Operation(_room_revoke, room="room"),
    "user.list": Operation(_user_list),
    "user.get": Operation(_user_get),
    "user.add": Operation(_user_add),
    "user.set": Operation(_user_set),
    "user.rm": Operation(_user_rm),
    "group.list": Operation(_group_list),
    "group.get": Operation(_group_get),
    "group.add": Operation(_group_add),
    "group.rm": Operation(_group_rm),
    "group.member.add": Operation(_group_members_add),
    "group.member.rm": Operation(_group_members_rm),
    _OWN: Operation(_grants),
}
"""The operations by the name they have in commands."""


# --- the command ---


async def _administer(session: ChatSession, envid: str, command: Command) -> None:
    if not isinstance(command.data, AdministrativeRequest):
        return invalid(session, envid, command)
    found = await _answer(session, command.data)
    if isinstance(found, Refusal):
        return refuse_saying(session, envid, command, found, AdministrativeReply(why=found.text))
    listing = Listing(
        found.records,
        lambda records, cut: replace(found, records=tuple(records), more=found.more or cut),
    )
    session.outbox.put(framed(await fitting(session, envid, command, listing)))
    return None


async def _answer(
    session: ChatSession, request: AdministrativeRequest
) -> Refusal | AdministrativeReply:
    services, user = session.services, session.user.uri
    asked = Asked(session, services.admin_for(user), request)
    if refusal := _refusal(asked, user):
        return refusal
    try:
        done = await OPERATIONS[request.operation].run(asked)
    except CommandFailed as error:
        return Refusal(error.code, _told(asked, error))
    except (ConfigurationError, ValueError) as error:
        return Refusal(ErrorCode.INVALID_ARGUMENT, str(error))
    await services.fanout.read_on()  # what is asked next knows of it
    return done


def _told(asked: Asked, error: CommandFailed) -> str:
    """Return why, but of a name that is taken not by what, unless all of it is the caller's."""
    hidden = error.code is ErrorCode.DUPLICATE_ROOM_NAME and not asked.administers(None)
    return "the name is taken" if hidden else str(error)


def _refusal(asked: Asked, user: SipUri) -> Refusal | None:
    """Return why the caller may not; who holds no role learns nothing else."""
    chat = asked.session.services.chat
    if asked.request.operation == _OWN:
        return None
    if _ADMINISTRATOR not in chat.state.administrators.get(user, {}):
        return refuse(ErrorCode.ERROR_PERMISSION)
    operation = OPERATIONS.get(asked.request.operation)
    if operation is None:
        return Refusal(ErrorCode.MSG_NOT_SUPPORTED, "there is no such operation")
    if len(asked.values.pairs) > (limit := chat.settings.administration_values):
        return Refusal(ErrorCode.LIMIT_EXCEEDED, f"one command has {limit} values at most")
    if operation.lists or asked.administers(None):
        return None
    if not (operation.room or operation.category):
        return refuse(ErrorCode.ERROR_PERMISSION)
    return None if _reaches(asked, operation) else _UNSEEN


def _reaches(asked: Asked, operation: Operation) -> bool:
    """Tell whether the room and the category that are named are the caller's to administer."""
    state = asked.session.services.chat.state
    named = []
    if operation.room:
        place = state.called(asked.values.text(operation.room))
        named.append(place.room.category if place else None)
    if operation.category:
        category = state.category_called(asked.values.text(operation.category))
        named.append(category.uri if category else None)
    return all(one is not None and asked.administers(one) for one in named)


ADMINISTERING: Mapping[str, Row] = {"administer": Row(_administer)}
