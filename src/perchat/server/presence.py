"""
Keep what users publish of themselves, and tell those who watch them.

A user is as reachable as the most reachable of his devices, unless he says that he is
less; who is not registered is offline, whatever was published. Publications live in memory
and no longer than somebody of their user is registered. What changes is told in rounds,
so that nobody who changes his state often makes others send more.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from perchat.chat.turns import Turn
from perchat.errors import LocalProtocolError, RemoteProtocolError
from perchat.lync.publication import (
    AGGREGATE,
    NOTE,
    STATE,
    availability_in,
    kind_of_state,
    note_in,
    state_content,
    write_category,
)
from perchat.lync.watching import UserPresence
from perchat.model.presence import Availability

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from perchat.lync.publication import Publication, PublicationKey
    from perchat.model.uri import SipUri
    from perchat.server.config import PresenceConfig

__all__ = ["Presences", "Watcher"]

_log = logging.getLogger(__name__)
_SHOWN = (2, 3)  # containers of what colleagues see; what others hold is kept for devices
_AGGREGATE_KEY = {"instance": "1", "container": "2", "version": "0"}
_MACHINE = "machineState"
_TOO_LARGE = 413


class Watcher(Protocol):
    """A subscription that is to be told when a user's presence changes."""

    def presence_changed(self, user: SipUri) -> None:
        """Tell it; must not block."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A publication that stands; ``text`` is how devices of the user are given it."""

    publication: Publication
    version: int
    device: Hashable
    text: str
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Person:
    devices: set[Hashable] = field(default_factory=set)
    kept: dict[PublicationKey, _Kept] = field(default_factory=dict)
    told: UserPresence | None = None


class Presences:
    """The presence of all users of this node, by address-of-record."""

    def __init__(
        self,
        config: PresenceConfig,
        may_meet: Callable[[SipUri, SipUri], bool],
        clock: Callable[[], float],
    ) -> None:
        """
        Take what decides who may see whom.

        Args:
            config: Bounds.
            may_meet: Whether one user may know of another; asked each time one is told.
            clock: Seconds since the epoch.

        """
        self._config = config
        self._may_meet = may_meet
        self._clock = clock
        self._people: dict[SipUri, _Person] = {}
        self._watchers: dict[SipUri, dict[Watcher, None]] = {}
        self._own: dict[SipUri, dict[Watcher, None]] = {}
        self._changed: dict[SipUri, None] = {}
        self._redrawn = False
        self._due = asyncio.Event()

    # --- what users do ---

    def arrived(self, user: SipUri, device: Hashable) -> None:
        """Take note that a device of a user is registered."""
        devices = self._people.setdefault(user, _Person()).devices
        if device not in devices:
            devices.add(device)
            self._change(user)

    def departed(self, user: SipUri, device: Hashable) -> None:
        """Take note that it is no more; what it published for itself ends with it."""
        person = self._people.get(user)
        if person is None or device not in person.devices:
            return
        person.devices.discard(device)
        for key, one in list(person.kept.items()):
            if not person.devices or (
                one.device == device and one.publication.expire_type == "endpoint"
            ):
                self._drop(person, key)
        if not person.devices:
            del self._people[user]
        self._change(user)

    def publish(
        self, user: SipUri, device: Hashable, publications: Sequence[Publication]
    ) -> dict[int, int]:
        """
        Keep what a registered device publishes, all of it or nothing.

        Returns:
            The current versions of those that are not up to date, by number from 1; none
            when all was kept.

        Raises:
            RemoteProtocolError: It would be more than a user may publish (413), or the
                device is not registered (403).

        """
        person = self._people.get(user)
        if person is None or device not in person.devices:
            raise RemoteProtocolError("only a registered device may publish", status=403)
        stale = _stale(person, publications)
        if stale:
            return stale
        at = self._now()
        made = [_kept(one, device, at) for one in publications]
        self._check_size(user, person, made)
        for one in made:
            self._keep(user, person, one)
        self._change(user)
        return {}

    # --- what others are told ---

    def seen(self, viewer: SipUri, user: SipUri) -> UserPresence:
        """Return what one user may see of another: nothing beyond a wall, as if not there."""
        if not self._may_meet(viewer, user):
            return UserPresence(user, Availability.OFFLINE.value, "")
        return self._presence(user)

    def own(self, user: SipUri) -> list[str]:
        """Return the categories that a user's own devices are given, written."""
        person = self._people.get(user, _Person())
        state = state_content(AGGREGATE, self._availability(person))
        aggregate = write_category(STATE, state, self._now(), more=_AGGREGATE_KEY)
        return [*(one.text for one in person.kept.values()), aggregate]

    def watch(self, user: SipUri, watcher: Watcher, *, own: bool = False) -> None:
        """Have a watcher told of changes of a user; ``own``: of all the user publishes."""
        (self._own if own else self._watchers).setdefault(user, {})[watcher] = None

    def unwatch(self, user: SipUri, watcher: Watcher, *, own: bool = False) -> None:
        """Tell it no more."""
        table = self._own if own else self._watchers
        watchers = table.get(user, {})
        watchers.pop(watcher, None)
        if not watchers:
            table.pop(user, None)

    def walls_changed(self) -> None:
        """Take note that others than before may know of each other."""
        self._redrawn = bool(self._watchers)
        if self._redrawn:
            self._due.set()

    @property
    def now(self) -> str:
        """The time, as documents carry it."""
        return self._now()

    async def run(self) -> None:
        """Tell watchers what changed, in rounds, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            changed, self._changed = self._changed, {}
            redrawn, self._redrawn = self._redrawn, False
            turn = Turn()
            for user in changed:
                await self._tell(user, self._to_tell(user), turn)
            if redrawn:
                for user in list(self._watchers):
                    await self._tell(user, list(self._watchers.get(user, ())), turn)
            await asyncio.sleep(self._config.notify_seconds)

    # --- inside ---

    async def _tell(self, user: SipUri, watchers: Sequence[Watcher], turn: Turn) -> None:
        for watcher in watchers:
            watcher.presence_changed(user)
            if turn.is_over:
                await turn.pass_on()

    def _to_tell(self, user: SipUri) -> list[Watcher]:
        """Return who is told of a change: others only where it shows."""
        own = list(self._own.get(user, ()))
        person, now = self._people.get(user), self._presence(user)
        if person is not None:
            if person.told == now:
                return own
            person.told = now
        return [*own, *self._watchers.get(user, ())]

    def _change(self, user: SipUri) -> None:
        self._changed[user] = None
        self._due.set()

    def _presence(self, user: SipUri) -> UserPresence:
        person = self._people.get(user)
        if person is None:
            return UserPresence(user, Availability.OFFLINE.value, "")
        return UserPresence(user, self._availability(person), _note(person))

    def _availability(self, person: _Person) -> int:
        """Aggregate what the devices publish ([MS-PRES] 3.7.5.5)."""
        if not person.devices:
            return Availability.OFFLINE.value
        machines: list[int] = []
        others: list[int] = []
        for one in person.kept.values():
            content = one.publication.content
            number = availability_in(content)
            if content is None or number is None or one.publication.category != STATE:
                continue
            if one.publication.container in _SHOWN:
                kind = kind_of_state(content)
                (machines if kind == _MACHINE else others).append(number)
        machine = min(machines, default=Availability.AVAILABLE.value)
        return max(machine, *others) if others else machine

    def _check_size(self, user: SipUri, person: _Person, made: Sequence[_Kept]) -> None:
        replaced = {one.publication.key for one in made}
        kept = sum(len(one.text) for key, one in person.kept.items() if key not in replaced)
        size = kept + sum(len(one.text) for one in made if one.publication.content is not None)
        if size > self._config.publication_bytes:
            _log.warning("publication of %s refused: %d bytes in all", user, size)
            most = self._config.publication_bytes
            raise RemoteProtocolError(f"{most} bytes are the most", status=_TOO_LARGE)

    def _keep(self, user: SipUri, person: _Person, one: _Kept) -> None:
        key = one.publication.key
        self._drop(person, key)
        if one.publication.content is None:
            return
        timer = None
        if one.publication.expire_type == "time" and one.publication.expires:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(one.publication.expires, self._expired, user, key)
        person.kept[key] = _Kept(one.publication, one.version, one.device, one.text, timer)

    def _drop(self, person: _Person, key: PublicationKey) -> None:
        if (one := person.kept.pop(key, None)) is not None and one.timer is not None:
            one.timer.cancel()

    def _expired(self, user: SipUri, key: PublicationKey) -> None:
        if (person := self._people.get(user)) is not None:
            person.kept.pop(key, None)
            self._change(user)

    def _now(self) -> str:
        at = datetime.fromtimestamp(self._clock(), UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _stale(person: _Person, publications: Sequence[Publication]) -> dict[int, int]:
    stale: dict[int, int] = {}
    for number, one in enumerate(publications, 1):
        known = person.kept.get(one.key)
        current = known.version if known else 0
        if one.version != current:
            stale[number] = current
    return stale


def _kept(one: Publication, device: Hashable, at: str) -> _Kept:
    version = one.version + 1
    more = {
        "instance": str(one.instance),
        "container": str(one.container),
        "version": str(version),
        "expireType": one.expire_type,
    }
    try:
        text = write_category(one.category, one.content, at, more=more)
    except LocalProtocolError as error:  # names that can be read and not be written
        raise RemoteProtocolError(str(error)) from error
    return _Kept(one, version, device, text)


def _note(person: _Person) -> str:
    """Return what the user said last, in the containers for colleagues."""
    notes = (
        (one.publication.container, note_in(one.publication.content))
        for one in person.kept.values()
        if one.publication.category == NOTE
    )
    return max(notes, default=(0, ""))[1]
