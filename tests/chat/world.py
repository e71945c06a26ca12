"""
The rules of the chat, once more and as plainly as can be: what the wall is held against.

Nothing here is taken from the service; principals are strings, rights are sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.model.uri import RoomUri

OPEN, CLOSED, SECRET = range(3)


@dataclass
class Place:
    category: str
    privacy: int = CLOSED
    auditorium: bool = False
    disabled: bool = False
    roles: dict[str, set[str]] = field(
        default_factory=lambda: {"member": set(), "manager": set(), "presenter": set()}
    )
    said: list[str] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    invited: set[str] = field(default_factory=set)


@dataclass
class World:
    everybody: str
    enabled: dict[str, bool]
    groups: dict[str, set[str]]
    walls: dict[str, tuple[set[str], set[str]]]
    places: dict[RoomUri, Place]
    granted: dict[tuple[str, str], set[str] | None] = field(default_factory=dict)

    def holds(self, group: str, other: str) -> bool:
        inside = self.groups.get(group, set())
        return group == other or any(self.holds(one, other) for one in inside)

    def names(self, principal: str) -> set[str]:
        own = {principal, self.everybody} if principal in self.enabled else {principal}
        return own | {g for g in self.groups for one in own if self.holds(g, one)}

    def allows(self, category: str, principal: str) -> bool:
        allowed, denied = self.walls[category]
        names = self.names(principal)
        more = {self.everybody} - denied if principal in self.groups else set()  # of a domain
        return bool(allowed & (names | more)) and not denied & names

    def has(self, user: str, place: Place, *roles: str) -> bool:
        names = self.names(user)
        return any(place.roles[role] & names for role in roles)

    def inside(self, user: str, category: str) -> bool:
        return self.enabled[user] and self.allows(category, user)

    def knows(self, user: str, place: Place) -> bool:
        shown = place.privacy != SECRET or self.has(user, place, "member", "manager")
        return self.inside(user, place.category) and shown

    def sees(self, user: str, place: Place) -> bool:
        return self.knows(user, place) and not place.disabled

    def sees_who_is_in(self, user: str, place: Place) -> bool:
        return self.takes_part(user, place) or (
            self.sees(user, place) and self.has(user, place, "manager")
        )

    def takes_part(self, user: str, place: Place) -> bool:
        joins = place.privacy == OPEN or self.has(user, place, "member")
        return self.sees(user, place) and joins

    def speaks(self, user: str, place: Place) -> bool:
        heard = not place.auditorium or self.has(user, place, "presenter")
        return self.takes_part(user, place) and user in place.present and heard

    def holds_role(self, user: str, role: str, category: str | None) -> bool:
        where = self.granted.get((user, role), set())
        return self.enabled[user] and (where is None or category in where)

    def settle(self) -> None:
        for place in self.places.values():
            place.present = {user for user in place.present if self.takes_part(user, place)}

    def purge(self, place: Place) -> None:
        for held in place.roles.values():
            held -= {one for one in held if not self.allows(place.category, one)}
