"""
Which groups, containers and domains hold whom, through any number of others.

Made for directories of 150,000 users in 200 groups each. How groups hold each other is
known; the groups of a user are asked for when somebody wants to know, and kept from then
on, as one number with a bit for each group. Changes are absolute (a group holds somebody,
or does not), so that what was asked for may be newer than what the journal came to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

__all__ = ["Affiliations", "domain_of"]

_RECENT = 4096
_FEW = 16
_USER = "sip:"


def domain_of(user: SipUri) -> str:
    """Return the principal that every user of a domain is."""
    return f"domain:{user.domain}"


class Affiliations:
    """
    Principals by name; whether they exist is not its business.

    Args:
        groups_of: Returns the groups that hold a user directly, for users nobody has asked
            about; without it, all there is comes by ``add``.

    """

    def __init__(self, groups_of: Callable[[str], Iterable[str]] | None = None) -> None:
        self._groups_of = groups_of
        self._number: dict[str, int] = {}
        self._name: list[str] = []
        self._direct: dict[str, int] = {}
        self._down: dict[int, int] = {}
        self._of: dict[str, frozenset[str]] = {}

    # changes

    def add(self, group: str, members: Iterable[str]) -> None:
        """Let a group hold members, which may be groups; it must not come to hold itself."""
        bit = 1 << self._numbered(group)
        for name in members:
            if self._is_unknown(name):
                continue
            self._direct[name] = self._direct.get(name, 0) | bit
            self._hold(group, name)

    def _hold(self, group: str, name: str) -> None:
        if name.startswith(_USER):
            self._of.pop(name, None)
            return
        holder, member = self._numbered(group), self._numbered(name)
        self._down[holder] = self._down.get(holder, 0) | 1 << member
        self._of.clear()

    def remove(self, group: str, members: Iterable[str]) -> None:
        """Let a group hold members no more."""
        bit = 1 << self._numbered(group)
        for name in members:
            if self._direct.get(name, 0) & bit:
                self._direct[name] &= ~bit
                self._drop(group, name)

    def _drop(self, group: str, name: str) -> None:
        if name.startswith(_USER):
            self._of.pop(name, None)
            return
        self._down[self._number[group]] &= ~(1 << self._number[name])
        self._of.clear()

    def forget(self, principal: str) -> None:
        """Take a principal out of all groups, and everything out of it."""
        for group in self.holders(principal) if principal in self._direct else ():
            self.remove(group, (principal,))
        self._direct.pop(principal, None)
        if (number := self._number.get(principal)) is not None:
            self.remove(principal, [n for n, held in self._direct.items() if held >> number & 1])

    def _numbered(self, name: str) -> int:
        number = self._number.setdefault(name, len(self._name))
        if number == len(self._name):
            self._name.append(name)
        return number

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

    def above(self, principal: str) -> frozenset[str]:
        """Return a principal and all that hold it, directly or not."""
        found = new = self._held_by(principal)
        while new:
            more = 0
            for group in self._names(new):
                more |= self._direct.get(group, 0)
            new = more & ~found
            found |= new
        return frozenset((principal, *self._names(found)))

    def among(self, users: AbstractSet[SipUri], principals: AbstractSet[str]) -> set[SipUri]:
        """Return those of some users that any of these principals is or holds."""
        if len(users) <= _FEW:
            return {user for user in users if not self.of(user).isdisjoint(principals)}
        wider = {one for one in principals if not one.startswith(_USER)}
        if len(principals) <= _FEW:
            found = {one for one in map(SipUri, principals - wider) if one in users}
        else:
            found = {user for user in users if user in principals}
        return found | self._among(users - found, wider) if wider else found

    def _among(self, users: AbstractSet[SipUri], wider: AbstractSet[str]) -> set[SipUri]:
        domains = {one for one in wider | self._below(wider) if one.startswith("domain:")}
        found = _of_domains(users, domains) if domains else set()
        others = users - found
        if not others or wider == domains:
            return found
        held = {user: self._held_by(user) for user in others}  # which may name further groups
        mask = self._mask(wider | self._below(wider))
        return found | {user for user, bits in held.items() if bits & mask}

    def _below(self, principals: AbstractSet[str]) -> set[str]:
        """Return the groups and domains that some groups hold, directly or not."""
        found = new = self._mask(principals)
        while new:
            more = 0
            for number in _numbers(new):
                more |= self._down.get(number, 0)
            new = more & ~found
            found |= new
        return set(self._names(found))

    def _mask(self, names: AbstractSet[str]) -> int:
        mask = 0
        for name in names:
            if (number := self._number.get(name)) is not None:
                mask |= 1 << number
        return mask

    def _names(self, bits: int) -> Iterator[str]:
        return (self._name[number] for number in _numbers(bits))

    def _is_unknown(self, name: str) -> bool:
        """Tell whether a name is of a user who was not asked for yet."""
        late = self._groups_of is not None and name.startswith(_USER)
        return late and name not in self._direct

    def _held_by(self, principal: str) -> int:
        """Return the groups that hold a principal directly."""
        if self._groups_of is not None and self._is_unknown(principal):
            bits = 0
            for group in self._groups_of(principal):
                bits |= 1 << self._numbered(group)
            self._direct[principal] = bits
        return self._direct.get(principal, 0)

    def holders(self, principal: str) -> list[str]:
        """Return the groups that hold a principal directly."""
        return list(self._names(self._held_by(principal)))

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


def _of_domains(users: AbstractSet[SipUri], domains: AbstractSet[str]) -> set[SipUri]:
    endings = tuple("@" + one.removeprefix("domain:") for one in domains)
    found = {user for user in users if user.endswith(endings)}
    return found | {user for user in users - found if domain_of(user) in domains}


def _numbers(bits: int) -> list[int]:
    """Return where the ones of a number are."""
    digits, found = bin(bits)[:1:-1], []
    at = digits.find("1")
    while at >= 0:
        found.append(at)
        at = digits.find("1", at + 1)
    return found
