"""
Leave for one transfer each: who, which room, which way, until when.

A token is all that the web service is shown, so it cannot be guessed, is good for one
file, and is forgotten when that file is there. It is kept in memory: after a restart
nobody has leave, and nothing unfinished is left.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["FileTokens", "Transfer"]


@dataclass(slots=True, eq=False, kw_only=True)
class Transfer:
    """
    One file on its way.

    Attributes:
        token: A secret.
        sends: Whether the user sends; otherwise fetches.
        expires_at: On the loop's clock.
        incoming: What the pieces of a file that is sent are kept under.
        name: The file's in the store; empty until the user says which.
        size: Bytes of the whole file, once they are known.
        moved: Bytes sent or fetched so far.
        turn: Held while something is done for it.

    """

    token: str = field(repr=False)
    user: SipUri
    room: RoomUri
    sends: bool
    expires_at: float
    incoming: str = field(default_factory=lambda: str(uuid.uuid4()))
    name: str = ""
    size: int | None = None
    moved: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class FileTokens:
    """The transfers that users have leave for."""

    def __init__(self, *, seconds: float, per_user: int) -> None:
        self._seconds = seconds
        self._per_user = per_user
        self._by_token: dict[str, Transfer] = {}
        self._by_user: dict[SipUri, dict[str, Transfer]] = {}

    def __len__(self) -> int:
        return len(self._by_token)

    def issue(self, user: SipUri, room: RoomUri, *, sends: bool, now: float) -> Transfer:
        """Give leave; the user's oldest transfer ends when there are too many."""
        own = self._by_user.setdefault(user, {})
        while len(own) >= self._per_user:
            self._end(next(iter(own.values())), now)
        transfer = Transfer(
            token=str(uuid.uuid4()),  # 122 bits of the system's randomness
            user=user,
            room=room,
            sends=sends,
            expires_at=now + self._seconds,
        )
        own[transfer.token] = self._by_token[transfer.token] = transfer
        return transfer

    def find(self, token: str, now: float) -> Transfer | None:
        """Return the transfer that a token stands for; None when it is good for none."""
        transfer = self._by_token.get(token.lower())
        return transfer if transfer is not None and transfer.expires_at > now else None

    def forget(self, transfer: Transfer) -> None:
        """Take leave back; harmless when that was done."""
        self._by_token.pop(transfer.token, None)
        if own := self._by_user.get(transfer.user):
            own.pop(transfer.token, None)
            if not own:
                del self._by_user[transfer.user]

    def overdue(self, now: float) -> list[Transfer]:
        """Return the transfers whose time is over; whoever clears up after one forgets it."""
        return [one for one in self._by_token.values() if one.expires_at <= now]

    def _end(self, transfer: Transfer, now: float) -> None:
        """End a transfer; what came of its file goes when the overdue ones are cleared up."""
        transfer.expires_at = now
        self._by_user[transfer.user].pop(transfer.token)
        if not transfer.moved and not transfer.turn.locked():
            self._by_token.pop(transfer.token)
