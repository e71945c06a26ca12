"""
Who administers over the network: granted at the server alone, and taken away at once.

Nobody grants by the network what he was granted, so that a stolen administrator's
password makes no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.errors import CommandFailed, ErrorCode
from perchat.model.administration import LOCAL, AdministrativeRole, AdministratorGrant
from perchat.model.journal import Administered, AdministratorGranted, AdministratorRevoked
from perchat.model.name import fold

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from perchat.model.journal import Fact, JournalEntry
    from perchat.model.uri import CategoryUri, SipUri
    from perchat.store.base import Store

__all__ = ["AdministratorRegister"]

_AT_ONCE = 1000


class AdministratorRegister:
    """
    The administrative roles of one open store.

    Args:
        by: Who grants and revokes, for the journal; see Administered.

    """

    def __init__(self, store: Store, *, by: str = LOCAL) -> None:
        self._store = store
        self._by = by

    async def grant(
        self, user: SipUri, role: AdministrativeRole, categories: Collection[str] = ()
    ) -> AdministratorGrant:
        """
        Grant a user a role, in categories by name or address, or everywhere without any.

        What the user held of that role before is replaced; the same again changes nothing.

        Raises:
            NoSuchPrincipal: Nobody has that address.
            RoomNotFound: A category that does not exist.

        """
        if not any(one.uri == user.address for one in await self._store.find_users(user.address)):
            raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such user: {user.address}")
        where = await self._categories(categories) if categories else None
        grant = AdministratorGrant(user.address, role, where)
        if grant not in await self.all():
            await self._append(f"user grant {role.value}", user, AdministratorGranted(grant))
        return grant

    async def revoke(self, user: SipUri, role: AdministrativeRole) -> bool:
        """Take a role from a user; return whether it was held."""
        held = any((one.user, one.role) == (user.address, role) for one in await self.all())
        if held:
            revoked = AdministratorRevoked(user.address, role)
            await self._append(f"user revoke {role.value}", user, revoked)
        return held

    async def all(self) -> list[AdministratorGrant]:
        """Return every role that is held, by user."""
        return list((await self._store.outline()).administrators)

    async def record(self, after: int = 0) -> AsyncIterator[JournalEntry]:
        """Yield the Administered entries behind a position: who did what, oldest first."""
        while page := await self._store.administered(after, _AT_ONCE):
            for entry in page:
                yield entry
            after = page[-1].position

    async def _categories(self, named: Collection[str]) -> frozenset[CategoryUri]:
        known = (await self._store.outline()).categories
        uris = {name: one.uri for one in known for name in (str(one.uri), fold(one.name))}
        found = {name: uris.get(name) or uris.get(fold(name)) for name in named}
        if missing := next((name for name, uri in found.items() if uri is None), None):
            raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such category: {missing}")
        return frozenset(uri for uri in found.values() if uri is not None)

    async def _append(self, operation: str, user: SipUri, fact: Fact) -> None:
        await self._store.append(fact, Administered(self._by, operation, user.address, 1))
