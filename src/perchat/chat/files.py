"""
Who may put a file into a room, and who may fetch one.

Files themselves are none of the service's business: what it knows of them are messages
with a link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat import rules
from perchat.chat.face import Face
from perchat.chat.refusal import Refusal, refuse

if TYPE_CHECKING:
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["Files"]


class Files(Face):
    """The rights to files."""

    def refusal_to_upload(
        self, user: SipUri, room: RoomUri, *, session: str | None = None
    ) -> Refusal | None:
        """
        Return why a user may not put a file into a room; None when that is allowed.

        Without a session it is enough that the user could post there: whoever was given
        leave goes on when the connection is lost meanwhile.
        """
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            return found
        place, granted = found
        joined = session is None or self._desk.state.is_joined(room, user, session)
        files = self._desk.category(place).file_posts
        code = rules.refusal_to_upload(place.room, granted, joined=joined, files=files)
        return None if code is None else refuse(code)

    def refusal_to_download(self, user: SipUri, room: RoomUri) -> Refusal | None:
        """Return why a user may not fetch a room's files; None for who may read what is said."""
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            return found
        code = rules.refusal_to_read(found[0].room, found[1])
        return None if code is None else refuse(code)
