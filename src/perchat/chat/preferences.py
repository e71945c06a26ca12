"""
Keep what a user's programs share with each other: bundles under labels.

Bundles are opaque. A version tells programs that write at once apart: who wrote last on
an older one is refused, reads again and repeats the change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.face import Face, refusing
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.preference import LABEL_LIMIT, Preference

if TYPE_CHECKING:
    from perchat.model.uri import SipUri

__all__ = ["Preferences"]


class Preferences(Face):
    """The preferences of users; everybody has their own only."""

    @refusing
    async def get_preference(self, user: SipUri, label: str, known: int = 0) -> Preference | None:
        """
        Return a bundle, None when there is none or the caller's version is the current one.

        Refused: INVALID_ARGUMENT (no label, or more than 255 characters).
        """
        found = await self._desk.store.preference(user.address, _checked(label))
        return found if found and found.version != known else None

    @refusing
    async def set_preference(
        self, user: SipUri, label: str, data: str, *, expected: int | None = None
    ) -> Preference:
        """
        Keep a bundle; return it with its new version.

        Refused: INVALID_ARGUMENT (the label), LIMIT_EXCEEDED (the data),
        DATA_COLLISION (another version than ``expected`` is current).
        """
        limit = self._desk.settings.preference_limit
        if len(data.encode()) > limit:
            raise CommandFailed.of(ErrorCode.LIMIT_EXCEEDED, f"{limit} bytes are the most")
        return await self._desk.store.set_preference(
            user.address, _checked(label), data, expected=expected
        )


def _checked(label: str) -> str:
    if not 0 < len(label) <= LABEL_LIMIT:
        raise CommandFailed.of(
            ErrorCode.INVALID_ARGUMENT, f"a label has between 1 and {LABEL_LIMIT} characters"
        )
    return label
