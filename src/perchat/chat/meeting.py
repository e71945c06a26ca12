"""Decide who may know of whom: walls between people, drawn by the scopes of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.rules import in_scope

if TYPE_CHECKING:
    from perchat.chat.state import ChatState
    from perchat.model.uri import SipUri

__all__ = ["may_meet"]


def may_meet(state: ChatState, one: SipUri, other: SipUri) -> bool:
    """
    Tell whether two users could be in one room: some category lets both of them in.

    Everybody may know of himself. Who was removed or disabled meets nobody.
    """
    if not (_is_here(state, one) and _is_here(state, other)):
        return False
    if one == other:
        return True
    first, second = state.affiliations.of(one), state.affiliations.of(other)
    return any(
        in_scope(category, first) and in_scope(category, second)
        for category in state.categories.values()
    )


def _is_here(state: ChatState, user: SipUri) -> bool:
    known = state.users.get(user)
    return known is not None and known.enabled
