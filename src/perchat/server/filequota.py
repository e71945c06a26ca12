"""
Bound what uploads that are not finished may take of the disk, by user and in all.

The whole size that is announced counts from the first piece on, so that who begins can
end. Where there is no room, uploads that have not moved for a while are ended, the user's
own or anybody's, the one that waited longest first; if that is not enough, the new one is
refused.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from perchat.errors import CommandFailed, ErrorCode
from perchat.net.ratelog import RateLimitedLog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.model.uri import SipUri
    from perchat.server.config import FilesConfig
    from perchat.server.filetokens import Transfer

__all__ = ["UploadQuota"]

_KILOBYTE = 1024
_log = logging.getLogger("perchat.server.files")


class UploadQuota:
    """
    What unfinished uploads take.

    Attributes:
        ended: How many were ended to make room.
        refused: How many were not let begin.

    """

    def __init__(self, config: FilesConfig) -> None:
        """Take the bounds; one file of the largest size has room in any case."""
        largest = config.file_kilobytes
        self._of_user = max(config.unfinished_kilobytes_per_user, largest) * _KILOBYTE
        self._of_all = max(config.unfinished_kilobytes, largest) * _KILOBYTE
        self._stalled = config.stalled_seconds
        self._moved_at: dict[Transfer, float] = {}  # the one that moved longest ago first
        self._sizes: dict[Transfer, int] = {}
        self._users: dict[SipUri, dict[Transfer, None]] = {}
        self._held = 0
        self.ended = self.refused = 0
        self._limited = RateLimitedLog()

    @property
    def held(self) -> int:
        """Bytes that unfinished uploads have announced."""
        return self._held

    def begin(self, transfer: Transfer, size: int, now: float) -> list[Transfer]:
        """
        Reserve ``size`` bytes; harmless for an upload that has them.

        Returns:
            The uploads that were ended for it: what came of them is to be removed.

        Raises:
            CommandFailed: There is no room for so many bytes.

        """
        if transfer in self._sizes:
            self._moved_at.pop(transfer)
            self._moved_at[transfer] = now
            return []
        ended = self._room(transfer, size, now)
        for one in ended:
            self.end(one)
        self.ended += len(ended)
        self._sizes[transfer] = size
        self._moved_at[transfer] = now
        self._users.setdefault(transfer.user, {})[transfer] = None
        self._held += size
        return ended

    def end(self, transfer: Transfer) -> None:
        """Give back what an upload reserved; harmless when it has nothing."""
        size = self._sizes.pop(transfer, None)
        if size is None:
            return
        del self._moved_at[transfer]
        self._held -= size
        own = self._users[transfer.user]
        del own[transfer]
        if not own:
            del self._users[transfer.user]

    def _room(self, transfer: Transfer, size: int, now: float) -> list[Transfer]:
        """Return who has to end for so many bytes more; CommandFailed if that is not enough."""
        own = sorted(self._users.get(transfer.user, ()), key=self._moved_at.__getitem__)
        taken = sum(map(self._sizes.__getitem__, own))
        ended = self._stalled_of(own, taken + size - self._of_user, now)
        if ended is None:
            raise self._refusal(
                transfer, f"your unfinished uploads have {taken} of {self._of_user} bytes"
            )
        freed = sum(map(self._sizes.__getitem__, ended))
        others = (one for one in self._moved_at if one not in ended)
        more = self._stalled_of(others, self._held - freed + size - self._of_all, now)
        if more is None:
            raise self._refusal(
                transfer, f"all unfinished uploads have {self._held} of {self._of_all} bytes"
            )
        return ended + more

    def _stalled_of(
        self, uploads: Iterable[Transfer], surplus: int, now: float
    ) -> list[Transfer] | None:
        """Return which of the stalled to end for ``surplus`` bytes; None: they have too few."""
        found: list[Transfer] = []
        for one in uploads:
            if surplus <= 0 or now - self._moved_at[one] < self._stalled:
                break
            if not one.turn.locked():
                found.append(one)
                surplus -= self._sizes[one]
        return None if surplus > 0 else found

    def _refusal(self, transfer: Transfer, why: str) -> CommandFailed:
        self.refused += 1
        self._limited.write(
            _log, logging.WARNING, "refused", "an upload of %s refused: %s", transfer.user, why
        )
        return CommandFailed.of(
            ErrorCode.LIMIT_EXCEEDED, f"{why}; finish or cancel one, or try again later"
        )
