"""
Slow down who guesses passwords, and nobody else.

Failures are counted three ways: at an account from one address, from an address at any
account, and at an account from anywhere. The first costs a wait after a few, each failure
doubling it; the others stop who tries many accounts, or comes from many addresses. While
somebody waits, no proof is looked at, whether it is right or wrong.

Nobody is locked out by another's guesses: a device that has signed in as a user before has
a count of its own (its ``epid``, which nobody else is shown), wherever it is and whoever else
is behind its address; and from an address where the user has signed in before, only failures
at that account from there count. All of it is kept in memory, the newest so many.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Attempt", "Backoff", "BackoffSettings"]

_KEPT = 20_000  # counts, and as many devices and addresses that are known
_FIRST = 1.0  # seconds after the first failure too many
_MOST_DOUBLED = 30  # times; more would only be a number without end
_SHORT = 60.0  # seconds at most for what others may have caused
_LONGEST_NAME = 300  # characters; what follows is not told apart

_Key: TypeAlias = "tuple[str, str]"  # what is counted: an account and where from, either empty


@dataclass(frozen=True, slots=True)
class BackoffSettings:
    """
    When to begin.

    Attributes:
        failures: At one account from one address or device.
        address_failures: From one address at any account.
        account_failures: At one account from anywhere.
        longest: Seconds that a wait may last; with it, and as long again, a count is forgotten.

    """

    failures: int = 5
    address_failures: int = 50
    account_failures: int = 100
    longest: float = 900.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    Somebody tries to sign in.

    Attributes:
        account: The address-of-record that the typed name means, whether there is such a user.
        network: Where from, as `perchat.net.quota.network_of` returns it.
        device: What the client calls itself (``epid``); empty when it does not say.

    """

    account: str
    network: str
    device: str = ""


@dataclass(slots=True)
class _Count:
    failures: int
    until: float  # nothing is looked at before
    forgotten: float


class Backoff:
    """
    The failed sign-ins of one server.

    Attributes:
        failed_total: Wrong names and passwords since the start.
        held_off_total: Attempts that were not looked at because their wait was not over.

    """

    def __init__(self, settings: BackoffSettings | None = None) -> None:
        self.failed_total = self.held_off_total = 0
        self._settings = settings or BackoffSettings()
        self._counts: OrderedDict[_Key, _Count] = OrderedDict()
        self._known: OrderedDict[_Key, None] = OrderedDict()

    def __len__(self) -> int:
        """Return how many counts are kept."""
        return len(self._counts)

    def wait(self, attempt: Attempt, now: float) -> float:
        """Return for how many seconds an attempt is not to be looked at, and count it if so."""
        counts = (self._counts.get(key) for key, _, _ in self._keys(attempt))
        wait = max((count.until - now for count in counts if count), default=0.0)
        if wait <= 0.0:
            return 0.0
        self.held_off_total += 1
        return wait

    def failed(self, attempt: Attempt, now: float) -> float:
        """Count a failure; return how many seconds the next attempt like it has to wait."""
        self.failed_total += 1
        keys = self._keys(attempt)
        return max(self._count(key, free, longest, now) for key, free, longest in keys)

    def succeeded(self, attempt: Attempt) -> None:
        """Forget the failures that led up to a success, and remember from where it was."""
        (own, _, _), *_ = self._keys(attempt)
        self._counts.pop(own, None)
        for place in (attempt.network, _device(attempt)):
            if place:
                self._known[_key(attempt.account, place)] = None
                self._known.move_to_end(_key(attempt.account, place))
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def unlock(self, account: str | None = None) -> int:
        """Forget the failures at an account, or all; return how many counts there were."""
        short = None if account is None else account[:_LONGEST_NAME]
        gone = [key for key in self._counts if short is None or key[0] == short]
        for key in gone:
            del self._counts[key]
        return len(gone)

    # --- inside ---

    def _keys(self, attempt: Attempt) -> list[tuple[_Key, int, float]]:
        """Return what an attempt counts for, how many are free, and the longest wait for it."""
        settings, account = self._settings, attempt.account
        device = _key(account, _device(attempt))
        if attempt.device and device in self._known:
            return [(device, settings.failures, settings.longest)]
        own = _key(account, attempt.network)
        keys = [(own, settings.failures, settings.longest)]
        if own not in self._known:
            short = min(_SHORT, settings.longest)
            keys.append((_key("", attempt.network), settings.address_failures, short))
            keys.append((_key(account, ""), settings.account_failures, short))
        return keys

    def _count(self, key: _Key, free: int, longest: float, now: float) -> float:
        count = self._counts.pop(key, None)
        if count is None or count.forgotten <= now:
            count = _Count(0, 0.0, 0.0)
        count.failures += 1
        over = count.failures - free
        wait = min(_FIRST * 2.0 ** min(over, _MOST_DOUBLED), longest) if over >= 0 else 0.0
        count.until = now + wait
        count.forgotten = count.until + self._settings.longest
        self._counts[key] = count
        while len(self._counts) > _KEPT:
            self._counts.popitem(last=False)
        return wait


def _device(attempt: Attempt) -> str:
    return f"epid {attempt.device}" if attempt.device else ""


def _key(account: str, place: str) -> _Key:
    return account[:_LONGEST_NAME], place[:_LONGEST_NAME]
