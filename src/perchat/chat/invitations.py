"""The invitations of a user, to be caught up with by the last id seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.face import Face, refusing
from perchat.model.chatroom import Permission
from perchat.model.invitation import Invitation

if TYPE_CHECKING:
    from perchat.model.uri import SipUri
    from perchat.store.base import GivenInvitation

__all__ = ["InvitationBook"]


class InvitationBook(Face):
    """Invitations, for those invited only."""

    @refusing
    async def invitations(self, user: SipUri, after: int = 0) -> list[Invitation]:
        """
        Return a user's invitations with greater ids, oldest first, as many as the server returns.

        Rooms that the user may not join any more, or that are disabled, are left out.
        """
        most = self._desk.settings.search_limit
        found: list[Invitation] = []
        while len(found) < most:
            given = await self._desk.store.invitations(user.address, max(after, 0), most)
            found += [one for each in given if (one := self.invitation(user, each))]
            if len(given) < most:
                break
            after = given[-1].id
        return found[:most]

    def invitation(self, user: SipUri, given: GivenInvitation) -> Invitation | None:
        """Return an invitation as the user may see it, if the user still may join."""
        place = self._desk.state.rooms.get(given.room)
        if place is None or Permission.JOIN not in self._desk.permission(user, place):
            return None
        return Invitation(given.id, given.created_on, self._rooms.snapshot(place))
