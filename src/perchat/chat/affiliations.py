"""
Which groups, containers and domains hold whom, through any number of others.

Made for directories of 150,000 users in 200 groups each: memberships are kept as
numbers, what stands above a group is computed once and again only when something
changes there, and what a user is comes together from that in microseconds.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

__all__ = ["Affiliations", "domain_of"]

_RECENT = 4096
_FEW = 16
_NONE: array[int] = array("I")


def domain_of(user: SipUri) -> str:
    """Return the principal that every user of a domain is."""
    return f"domain:{user.domain}"


class Affiliations:
    """Principals by name; whether they exist is not its business."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._name: list[str] = []
        self._holders: dict[int, array[int]] = {}
        self._members: dict[int, array[int]] = {}
        self._above: dict[int, frozenset[str]] = {}
        self._of: dict[str, frozenset[str]] = {}

    # changes

    def load(self, group: str, members: Iterable[str]) -> None:
        """Do what ``add`` does for a group that holds nobody yet, each member named once."""
        holder, number, holders = self._numbered(group), self._number, self._holders
        held = array("I")
        for name in members:
            member = number.get(name)
            if member is None:
                member = self._numbered(name)
            held.append(member)
            if member in holders:
                holders[member].append(holder)
            else:
                holders[member] = array("I", (holder,))
        self._members[holder] = held
        self._above.clear()
        self._of.clear()

    def add(self, group: str, members: Iterable[str]) -> None:
        """Let a group hold members, which may be groups; it must not come to hold itself."""
        holder = self._numbered(group)
        for name in members:
            member = self._numbered(name)
            holders = self._holders.setdefault(member, array("I"))
            if holder not in holders:
                holders.append(holder)
                self._members.setdefault(holder, array("I")).append(member)
                self._touched(name)

    def remove(self, group: str, members: Iterable[str]) -> None:
        """Let a group hold members no more."""
        holder = self._number.get(group, -1)
        for name in members:
            member = self._number.get(name, -1)
            holders = self._holders.get(member, _NONE)
            if holder in holders:
                holders.remove(holder)
                self._members[holder].remove(member)
                self._touched(name)

    def forget(self, principal: str) -> None:
        """Take a principal out of all groups, and everything out of it."""
        for group in self.holders(principal):
            self.remove(group, (principal,))
        self.remove(principal, self.members(principal))

    def _numbered(self, name: str) -> int:
        number = self._number.setdefault(name, len(self._name))
        if number == len(self._name):
            self._name.append(name)
        return number

    def _touched(self, name: str) -> None:
        """Forget what was computed for a principal and for whatever it holds."""
        if name.startswith("sip:"):
            self._of.pop(name, None)
            return
        self._of.clear()
        for number in self._groups_below(self._number[name]):
            self._above.pop(number, None)

    def _groups_below(self, number: int) -> set[int]:
        found, new = {number}, [number]
        while new:
            for member in self._members.get(new.pop(), _NONE):
                above = member in self._members or member in self._above  # users are neither
                if above and member not in found:
                    found.add(member)
                    new.append(member)
        return found

    # questions

    def of(self, user: SipUri) -> frozenset[str]:
        """Return every principal a user is: the address, its domain, all that hold these."""
        known = self._of.get(user)
        if known is None:
            address = user.address
            known = self.above(address) | self.above(domain_of(address))
            if len(self._of) >= _RECENT:
                del self._of[next(iter(self._of))]
            self._of[user] = known
        return known

    def among(self, users: AbstractSet[SipUri], principals: AbstractSet[str]) -> set[SipUri]:
        """Return those of some users that any of these principals is or holds."""
        if len(users) <= _FEW:
            return {user for user in users if not self.of(user).isdisjoint(principals)}
        wider = {one for one in principals if not one.startswith("sip:")}
        if len(principals) <= _FEW:
            named = {one for one in map(SipUri, principals - wider) if one in users}
        else:
            named = {user for user in users if user in principals}
        if not wider:
            return named
        return named | {user for user in users - named if not wider.isdisjoint(self.of(user))}

    def above(self, principal: str) -> frozenset[str]:
        """Return a principal and all that hold it, directly or not."""
        number = self._number.get(principal)
        if number is None:
            return frozenset((principal,))
        if principal.startswith("sip:"):  # too many to be kept
            return frozenset((principal,)).union(*map(self._all_above, self._direct(number)))
        return self._all_above(number)

    def _direct(self, number: int) -> array[int]:
        return self._holders.get(number, _NONE)

    def _all_above(self, number: int) -> frozenset[str]:
        known = self._above.get(number)
        if known is None:
            found, new = {number}, [number]
            while new:
                more = [h for h in self._direct(new.pop()) if h not in found]
                found.update(more)
                new += more
            known = self._above[number] = frozenset(self._name[one] for one in found)
        return known

    def holders(self, principal: str) -> list[str]:
        """Return the groups that hold a principal directly."""
        return [self._name[one] for one in self._direct(self._number.get(principal, -1))]

    def members(self, group: str) -> list[str]:
        """Return what a group holds directly."""
        return [self._name[one] for one in self._members.get(self._number.get(group, -1), _NONE)]

    def below(self, principal: str) -> Iterator[str]:
        """Yield a principal and all it holds, directly or not, each once."""
        yield principal
        number = self._number.get(principal)
        if number is None:
            return
        found, new = {number}, [number]
        while new:
            for member in self._members.get(new.pop(), _NONE):
                if member not in found:
                    found.add(member)
                    new.append(member)
                    yield self._name[member]

    def chain(self, user: SipUri, principal: str) -> tuple[str, ...]:
        """Return the shortest way from a user up to a principal, both included, or nothing."""
        ways: dict[str, tuple[str, ...]] = {
            start: (start,) for start in (str(user.address), domain_of(user))
        }
        while ways and principal not in ways:
            ways = {
                holder: (*way, holder)
                for name, way in ways.items()
                for holder in self.holders(name)
            }
        return ways.get(principal, ())
