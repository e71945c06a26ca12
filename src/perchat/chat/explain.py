"""Why somebody may or may not: every rule that applied to a user and a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat import rules
from perchat.chat.matrix import RoomStanding, missing
from perchat.chat.scope import principal_of
from perchat.model.administration import AdministrativeRole
from perchat.model.chatroom import Role
from perchat.model.explanation import Answer, AppliedRule, Explanation, RoomAction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.chat.state import ChatState, RoomState
    from perchat.model.category import Category
    from perchat.model.uri import SipUri

__all__ = ["explain"]

_ROLES = (Role.MEMBER, Role.MANAGER, Role.PRESENTER)
_ABOUT_OTHERS = {
    RoomAction.FIND_USERS,
    RoomAction.LOOK_UP_USERS,
    RoomAction.LOOK_UP_GROUPS,
    RoomAction.ADMINISTER,
}


def explain(state: ChatState, user: SipUri, place: RoomState) -> Explanation:
    """Return every rule that applies to a user in a room, and what follows."""
    user, category = user.address, state.category(place)
    standing = _standing(state, user, place)
    return Explanation(
        user,
        place.room.uri,
        place.room.name,
        state.permission(user, place),
        (
            _enabled(state, user),
            *_scope(state, user, category),
            *(_role(state, user, place, role) for role in _ROLES),
            _through(state, user, "creator", category.creators),
            *_room(place, category),
            AppliedRule("present", standing.joined, "whether the user is in the room now"),
        ),
        tuple(
            Answer(action, not (lacks := missing(action, standing)), lacks)
            for action in RoomAction
            if action not in _ABOUT_OTHERS
        ),
    )


def _standing(state: ChatState, user: SipUri, place: RoomState) -> RoomStanding:
    category, principals = state.category(place), state.affiliations.of(user)
    known = state.users.get(user)
    return RoomStanding(
        chats=rules.may_take_part(known),
        scoped=rules.in_scope(category, principals),
        roles=state.roles(user, place),
        privacy=place.room.privacy,
        behavior=place.room.behavior,
        disabled=place.room.disabled,
        files=category.file_posts,
        joined=user in place.present,
        creates=not category.creators.isdisjoint(principals),
        creates_there=any(
            not other.creators.isdisjoint(principals) and state.in_scope(user, other)
            for other in state.categories.values()
            if other.uri != category.uri
        ),
        administrator=state.holds(user, AdministrativeRole.ADMINISTRATOR, category.uri),
        moderator=state.holds(user, AdministrativeRole.MODERATOR, category.uri),
        system=known is not None and known.system,
    )


def _enabled(state: ChatState, user: SipUri) -> AppliedRule:
    known = state.users.get(user)
    if known is None:
        return AppliedRule("enabled", False, "the directory does not know the user")
    marks = [
        "may sign in" if known.enabled else "may not sign in",
        "policy allows chat" if known.chat_enabled else "policy does not allow chat",
    ]
    return AppliedRule("enabled", rules.may_take_part(known), ", ".join(marks))


def _scope(state: ChatState, user: SipUri, category: Category) -> Iterable[AppliedRule]:
    yield _through(state, user, "allowed", category.allowed, f"in category {category.name}")
    yield _through(state, user, "denied", category.denied, f"in category {category.name}")


def _role(state: ChatState, user: SipUri, place: RoomState, role: Role) -> AppliedRule:
    return _through(state, user, role.value, place.roles.get(role, ()))


def _through(
    state: ChatState, user: SipUri, rule: str, named: Iterable[str], where: str = ""
) -> AppliedRule:
    """Return whether a user is among principals, and through which."""
    hits = sorted(state.affiliations.of(user).intersection(named))
    if not hits:
        return AppliedRule(rule, False, f"nothing names the user {where}".rstrip())
    ways = "; ".join(_way(state, user, hit) for hit in hits)
    return AppliedRule(rule, True, f"{where}: {ways}" if where else ways)


def _way(state: ChatState, user: SipUri, principal: str) -> str:
    chain = state.affiliations.chain(user, principal) or (principal,)
    if chain == (user,):
        return "by name"
    names = (principal_of(state, one) for one in chain if one != user)
    return "through " + " in ".join(one.display_name or one.uri for one in names)


def _room(place: RoomState, category: Category) -> Iterable[AppliedRule]:
    room = place.room
    yield AppliedRule("disabled", room.disabled, "nobody is in a disabled room")
    yield AppliedRule(room.privacy.name.lower(), True, _PRIVACY[room.privacy.name])
    yield AppliedRule(room.behavior.name.lower(), True, _BEHAVIOR[room.behavior.name])
    yield AppliedRule("history", category.keeps_history, "whether the category keeps messages")
    yield AppliedRule("files", category.file_posts, "whether the category has files")


_PRIVACY = {
    "OPEN": "seen and joined by everybody in scope",
    "CLOSED": "seen by everybody in scope, joined by members",
    "SECRET": "seen and joined by members; seen by managers too",
}
_BEHAVIOR = {
    "NORMAL": "whoever is in the room posts",
    "AUDITORIUM": "only presenters post, who have to be members",
}
