"""
Hold those who have not signed in to a share of the server, by address and in all.

Whoever can reach the port can send. What such connections cost is measured, in seconds of
the loop's processor time: a read is taken as soon as it is there, and paid for afterwards.
Who is in debt is not read from until the debt is worked off at the rate of the share, so
that a flood waits in its own sockets. What a connection spent is given back when it signs
in: a crowd in the morning, or behind one address, never gets into debt for long.

What is held in memory for them (messages that are not complete) is bounded as well, and
beyond the bound the oldest unfinished one gives way.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from perchat.net.ratelog import RateLimitedLog
from perchat.sip.parser import ParserLimits

__all__ = ["Bucket", "Quota", "QuotaSettings", "Share", "network_of"]

_FREE = 0.02  # seconds of debt that nobody waits for
_FREE_AT_FIRST = 0.25  # the same for connections that have just begun, as every sign-in has
_AT_FIRST = 16_384  # bytes that are a beginning; three REGISTERs have less than half
_BEGINNING = {False: 0.0003, True: 0.0015}  # seconds that a new connection costs, by TLS
_ASK_AGAIN, _ASKING = 0.25, 4_000  # seconds; of those that wait, so many ask in a second
_WAITING, _WAITING_OF_ONE = 8_000, 4_000  # new connections that wait, in all and of one address
_ADDRESSES = 10_000  # that are remembered without a connection


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """
    How much those who have not signed in may take.

    Attributes:
        share: Of the loop's time, for all of them together; 0.3 is 30 percent.
        address_share: The same for those of one address.
        held: Bytes of unfinished messages of all of them.
        address_held: The same for those of one address.
        limits: How large a message of theirs may be.

    """

    share: float = 0.3
    address_share: float = 0.2
    held: int = 32 * 1024 * 1024
    address_held: int = 8 * 1024 * 1024
    limits: ParserLimits = field(default_factory=lambda: ParserLimits(headers=24_576, body=4_096))


class Bucket:
    """
    A debt that is worked off at a rate.

    Attributes:
        rate: What is worked off in a second.

    """

    __slots__ = ("_at", "_debt", "rate")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._debt = 0.0
        self._at = 0.0

    def debt(self, now: float) -> float:
        """Return what is owed."""
        passed = max(now - self._at, 0.0)
        return max(self._debt - passed * self.rate, 0.0)

    def charge(self, cost: float, now: float) -> None:
        """Add to the debt; a negative cost is given back."""
        self._debt = max(self.debt(now) + cost, 0.0)
        self._at = now

    def wait(self, free: float, now: float) -> float:
        """Return for how many seconds the debt will be above ``free``."""
        return max(self.debt(now) - free, 0.0) / self.rate


class _Address:
    """Those of one address: what they owe, how many are there, and who holds how much."""

    __slots__ = ("bucket", "held", "members", "queue", "unfinished", "waiting")

    def __init__(self, rate: float) -> None:
        self.bucket = Bucket(rate)
        self.queue = asyncio.Lock()
        self.members = self.waiting = 0
        self.held = 0
        self.unfinished: OrderedDict[Share, None] = OrderedDict()


class Owner(Protocol):
    """Whose share it is."""

    def abort(self, error: Exception | None = None) -> None:
        """End it."""


class Share:
    """
    The part of one connection that has not signed in; left for good when it does.

    Attributes:
        key: Its address, as `network_of` returns it.
        owner: The connection.
        quota: What it is a share of.

    """

    __slots__ = ("_held", "_read", "_spent", "key", "owner", "quota")

    def __init__(self, quota: Quota, key: str, owner: Owner, spent: float) -> None:
        self.key = key
        self.owner = owner
        self.quota = quota
        self._spent = spent
        self._read = 0
        self._held = 0

    def spend(self, cost: float, size: int, now: float) -> None:
        """Pay for a read of ``size`` bytes that took ``cost`` seconds."""
        self._spent += cost
        self._read += size
        self.quota.charge(self.key, cost, now)

    def wait(self, now: float) -> float:
        """Return for how many seconds nothing is to be read."""
        free = _FREE_AT_FIRST if self._read <= _AT_FIRST else _FREE
        return self.quota.wait(self.key, free, now)

    def hold(self, size: int) -> list[Share]:
        """Hold so many bytes from now on; return who has to give way for them."""
        before, self._held = self._held, size
        return self.quota.hold(self, size - before) if size != before else []

    def leave(self, now: float, *, signed_in: bool) -> None:
        """Be no part of it any more; safe to repeat."""
        self.hold(0)
        self.quota.leave(self, self._spent if signed_in else 0.0, now)

    @property
    def held(self) -> int:
        """How many bytes it holds."""
        return self._held


class Quota:
    """
    What those who have not signed in to one server share.

    Attributes:
        settings: The bounds.
        pauses: How often one was not read from for a while.
        dropped: How many were closed to keep a bound.
        refused: How many new ones were turned away.
        log: Where what they caused is said, now and then.

    """

    def __init__(self, settings: QuotaSettings | None = None) -> None:
        self.settings = settings or QuotaSettings()
        self.pauses = self.dropped = self.refused = 0
        self.log = RateLimitedLog()
        self._all = Bucket(self.settings.share)
        self._held = self._waiting = 0
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._members: OrderedDict[Share, None] = OrderedDict()  # the oldest first
        self._unfinished: OrderedDict[Share, None] = OrderedDict()

    def __len__(self) -> int:
        """Return how many connections have not signed in."""
        return len(self._members)

    @property
    def held(self) -> int:
        """Bytes of unfinished messages of all of them."""
        return self._held

    @property
    def addresses(self) -> int:
        """How many addresses are remembered."""
        return len(self._addresses)

    def knock(self, host: str) -> bool:
        """Take note that a new connection waits to be let in; False: too many do already."""
        address = self._address(network_of(host))
        if self._waiting >= _WAITING or address.waiting >= _WAITING_OF_ONE:
            self.refused += 1
            return False
        self._waiting += 1
        address.waiting += 1
        return True

    def queue(self, host: str) -> asyncio.Lock:
        """
        Return what a new connection holds while it asks; those behind it wait in order.

        When each asked for itself, 4,000 that waited took 60 percent of the loop.
        """
        return self._address(network_of(host)).queue

    def delay(self, host: str, now: float) -> float:
        """
        Return in how many seconds a new connection is to ask again; 0 lets it in.

        Somebody who signs in gives back what an address owed, so that is not too late; and the
        more are waiting, the less often each of them asks.
        """
        wait = self.wait(network_of(host), _FREE_AT_FIRST, now)
        return min(wait, max(_ASK_AGAIN, self._waiting / _ASKING))

    def let_in(self, host: str, now: float, *, is_tls: bool) -> None:
        """Let in who waited, for what the beginning costs, TLS above all."""
        key = network_of(host)
        self._waiting -= 1
        self._address(key).waiting -= 1
        self.charge(key, _BEGINNING[is_tls], now)

    def enter(self, owner: Owner, host: str, *, is_tls: bool = False) -> Share:
        """Take in a connection that has begun."""
        share = Share(self, network_of(host), owner, _BEGINNING[is_tls])
        self._members[share] = None
        self._address(share.key).members += 1
        return share

    def oldest(self) -> Share | None:
        """Return who has been here longest without signing in."""
        return next(iter(self._members), None)

    # --- for shares ---

    def charge(self, key: str, cost: float, now: float) -> None:
        """Have an address, and all, owe so much more."""
        self._all.charge(cost, now)
        self._address(key).bucket.charge(cost, now)

    def wait(self, key: str, free: float, now: float) -> float:
        """Return for how many seconds those of an address, or all, will owe too much."""
        known = self._addresses.get(key)
        own = known.bucket.wait(free, now) if known else 0.0
        return max(own, self._all.wait(2 * free, now))

    def hold(self, share: Share, more: int) -> list[Share]:
        """Count what one holds; return whose unfinished messages are too much, the oldest first."""
        address = self._address(share.key)
        self._held += more
        address.held += more
        for unfinished in (self._unfinished, address.unfinished):
            if share.held:
                unfinished.setdefault(share)
            else:
                unfinished.pop(share, None)
        if more <= 0:
            return []
        return _surplus(address.unfinished, address.held - self.settings.address_held) or _surplus(
            self._unfinished, self._held - self.settings.held
        )

    def leave(self, share: Share, refund: float, now: float) -> None:
        """Let one go, and give back what it spent if it signed in."""
        if share not in self._members:
            return
        del self._members[share]
        address = self._address(share.key)
        address.members -= 1
        self.charge(share.key, -refund, now)
        if not address.members and not address.waiting and not address.bucket.debt(now):
            del self._addresses[share.key]

    def _address(self, key: str) -> _Address:
        if (known := self._addresses.get(key)) is not None:
            return known
        self._forget()
        made = self._addresses[key] = _Address(self.settings.address_share)
        return made

    def _forget(self) -> None:
        """Drop the address that was met first and has nobody here, if there are many."""
        for _ in range(2 if len(self._addresses) >= _ADDRESSES else 0):
            key, oldest = self._addresses.popitem(last=False)
            if oldest.members or oldest.waiting:
                self._addresses[key] = oldest


def _surplus(unfinished: OrderedDict[Share, None], surplus: int) -> list[Share]:
    """Return the oldest that together hold what is too much."""
    found: list[Share] = []
    for one in unfinished if surplus > 0 else ():
        found.append(one)
        surplus -= one.held
        if surplus <= 0:
            break
    return found


@lru_cache(maxsize=4096)
def network_of(host: str) -> str:
    """
    Return what counts as one address: an IPv4 address, or the /64 of an IPv6 address.

    One customer has a /64 for free (RFC 6177 §2), and would be as many as there are atoms.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
