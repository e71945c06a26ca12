"""Messages looked for, replaced and removed by those who moderate: ``chat.moderation``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.batching import batches
from perchat.client.naming import uris_of
from perchat.client.targets import room_or_name
from perchat.model.history import HistoryQuery, Match
from perchat.xccos.administrative import ModerationAction, ModerationReply, ModerationRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from perchat.client.commands import Commands
    from perchat.client.naming import PrincipalLike
    from perchat.client.targets import RoomLike
    from perchat.model.message import Message, ModeratedMessage

__all__ = ["ModerationServices"]

_AT_ONCE = 1000  # message numbers of one command


class ModerationServices:
    """
    What moderators do with what was said, in the room or not; an extension of Perchat servers.

    A room is given by URI, name, or anything that carries its URI. Messages are meant by
    their ids, by words and authors, by a range of time, or by several of these together;
    naming none of them is refused, as it does not mean everything.

    Long work is done step by step. When it is cut short, what was done is done: call again.
    Everything may raise besides what it says:

    * ChatServerConnectionError, OperationTimeout: no connection, or no answer.
    * PermissionDenied: the caller was not granted the role of moderator or administrator.
    * RoomNotFound: no such room, or the role does not reach it.
    * NotSupported: the service is of another kind.
    """

    def __init__(self, chat: Commands) -> None:
        self._chat = chat

    def find(
        self,
        room: RoomLike,
        words: str = "",
        *,
        ids: int | Iterable[int] = (),
        match: Match = Match.ANY,
        case_sensitive: bool = False,
        author: PrincipalLike | Iterable[PrincipalLike] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[Message]:
        """
        Iterate over the messages that are meant, oldest first; all of them without more.

        Args:
            room: Which.
            words: What they say.
            ids: Those alone, if any are given.
            match: How many of the words have to be there.
            case_sensitive: Whether case and accents count.
            author: Who said them: one, or any of several.
            since: Aware; not before.
            until: Aware; not after.

        Raises:
            ValueError: A time without zone, or an id below 1.

        """
        query = _query(words, match, case_sensitive, author, since, until)
        request = ModerationRequest(_room(room), ModerationAction.FIND, query)
        return self._found(request, _numbers(ids))

    async def remove(
        self,
        room: RoomLike,
        words: str = "",
        *,
        ids: int | Iterable[int] = (),
        match: Match = Match.ANY,
        case_sensitive: bool = False,
        author: PrincipalLike | Iterable[PrincipalLike] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[int, ...]:
        """
        Take messages out of the history and return their ids; see ``find`` for the arguments.

        Those that were removed before are passed over. The server keeps the first texts.

        Raises:
            ValueError: Nothing is named, a time without zone, or an id below 1.
            InvalidArgument: The room never had a message of one of the ids.

        """
        query = _query(words, match, case_sensitive, author, since, until)
        request = ModerationRequest(_room(room), ModerationAction.REMOVE, query)
        return await self._done(request, _some(query, ids))

    async def replace(
        self,
        room: RoomLike,
        ids: int | Iterable[int] = (),
        text: str | None = None,
        *,
        words: str = "",
        match: Match = Match.ANY,
        case_sensitive: bool = False,
        author: PrincipalLike | Iterable[PrincipalLike] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[int, ...]:
        """
        Let messages say something else and return their ids; author, time and place stay.

        Args:
            room: As for ``find``.
            ids: As for ``find``.
            text: What they say instead; the server's own words without it.
            words: As for ``find``.
            match: As for ``find``.
            case_sensitive: As for ``find``.
            author: As for ``find``.
            since: As for ``find``.
            until: As for ``find``.

        Raises:
            ValueError: Nothing is named, a time without zone, or an id below 1.
            InvalidArgument: The text is empty, or the room never had a message of one of the ids.
            LimitExceeded: The text is longer than a message may be.

        """
        query = _query(words, match, case_sensitive, author, since, until)
        request = ModerationRequest(_room(room), ModerationAction.REPLACE, query, text=text)
        return await self._done(request, _some(query, ids))

    async def clear(self, room: RoomLike, *, until: datetime) -> int:
        """
        Forget for good what was said until then, and return how many messages that were.

        Unlike with ``remove`` the server keeps nothing, nor of what was moderated before.

        Args:
            room: As for ``find``.
            until: Aware; messages of that very moment go too.

        Raises:
            ValueError: A time without zone.

        """
        query = HistoryQuery(until=until)
        return len(await self._done(ModerationRequest(_room(room), ModerationAction.PURGE, query)))

    async def originals(self, room: RoomLike) -> list[ModeratedMessage]:
        """Return what was moderated in a room as it was posted, oldest first."""
        request = ModerationRequest(_room(room), ModerationAction.ORIGINALS)
        return [one async for reply in self._replies(request) for one in reply.originals]

    # --- inside ---

    async def _replies(
        self, request: ModerationRequest, ids: Sequence[int] = ()
    ) -> AsyncIterator[ModerationReply]:
        """Yield the replies to the steps of a request, about some ids after others."""
        for some in batches(ids, _AT_ONCE) if ids else [()]:
            after: int | None = 0
            while after is not None:
                step = replace(request, ids=tuple(some), after=after)
                reply = await self._chat.command("moderate", step, ModerationReply)
                yield reply
                after = reply.after

    async def _found(
        self, request: ModerationRequest, ids: Sequence[int]
    ) -> AsyncIterator[Message]:
        async for reply in self._replies(request, ids):
            for message in reply.messages:
                yield message

    async def _done(self, request: ModerationRequest, ids: Sequence[int] = ()) -> tuple[int, ...]:
        return tuple([one async for reply in self._replies(request, ids) for one in reply.ids])


def _room(room: RoomLike) -> str:
    return str(room_or_name(room))


def _query(
    words: str,
    match: Match,
    case_sensitive: bool,
    author: PrincipalLike | Iterable[PrincipalLike],
    since: datetime | None,
    until: datetime | None,
) -> HistoryQuery:
    return HistoryQuery(
        words,
        match=match,
        case_sensitive=case_sensitive,
        authors=uris_of(author),
        since=since,
        until=until,
    )


def _numbers(ids: int | Iterable[int]) -> tuple[int, ...]:
    named = tuple(sorted({ids} if isinstance(ids, int) else set(ids)))
    if named and named[0] < 1:
        raise ValueError(f"messages have ids from 1 on, not {named[0]}")
    return named


def _some(query: HistoryQuery, ids: int | Iterable[int]) -> tuple[int, ...]:
    """Return the ids that are named; ValueError where nothing is named at all."""
    named = _numbers(ids)
    if not (named or query.text or query.authors or query.since or query.until):
        raise ValueError("name messages by ids, words, author, since or until")
    return named
