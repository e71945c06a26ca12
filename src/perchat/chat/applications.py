"""
The register of trusted applications, as administrators keep it.

One application acts for the users it was granted, by name; there is no way to grant
all. A server on the same store follows the journal, in this process or another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.errors import CommandFailed, ConfigurationError, ErrorCode
from perchat.model.administration import LOCAL
from perchat.model.application import (
    RegisteredApplication,
    checked_gruu,
    checked_port,
    checked_product,
)
from perchat.model.journal import Administered, ApplicationChanged, ApplicationRemoved
from perchat.model.name import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from perchat.cluster.wakeup import Wakeup
    from perchat.model.journal import Fact
    from perchat.model.uri import SipUri
    from perchat.store.base import Store

__all__ = ["ApplicationRegister"]


class ApplicationRegister:
    """
    Administers the applications of one open store.

    Args:
        new_id: Gives what tells a GRUU from all others.
        wakeup: Tells a server in the same process at once.
        by: Who does it, for the journal; see Administered.

    """

    def __init__(
        self,
        store: Store,
        domain: str,
        *,
        new_id: Callable[[], str],
        wakeup: Wakeup | None = None,
        by: str = LOCAL,
    ) -> None:
        self._store = store
        self._domain = domain
        self._new_id = new_id
        self._wakeup = wakeup
        self._by = by

    async def add(
        self,
        name: str,
        *,
        fqdn: str,
        port: int,
        certificate_names: Collection[str],
        identities: Collection[SipUri],
        gruu: str | None = None,
    ) -> RegisteredApplication:
        """
        Register an application; host names are taken as they are and have to be lower case.

        Args:
            name: What its User-Agent names.
            fqdn: The host it runs on.
            port: Where it listens.
            certificate_names: Its certificate carries one of them.
            identities: The users it may act as, one at least.
            gruu: Made from name and host when it is not given.

        Raises:
            ConfigurationError: A value that cannot be, or name or GRUU are taken.
            NoSuchPrincipal: One of the identities is not a user of the directory.

        """
        application = self._made(name, fqdn, port, certificate_names, identities, gruu)
        await self._check_users(application)
        await self._check_free(application)
        await self._append("app add", ApplicationChanged(application), application)
        return application

    async def all(self) -> list[RegisteredApplication]:
        """Return all applications, by name."""
        return list((await self._store.outline()).applications)

    async def get(self, name: str) -> RegisteredApplication:
        """Return an application; ConfigurationError when there is none of that name."""
        for application in await self.all():
            if fold(application.name) == fold(name):
                return application
        raise ConfigurationError(f"no application {name!r} is registered; see perchat app list")

    async def remove(self, name: str) -> RegisteredApplication:
        """Trust an application no more; its connections end."""
        application = await self.get(name)
        await self._append("app rm", ApplicationRemoved(application.name), application)
        return application

    # --- inside ---

    def _made(
        self,
        name: str,
        fqdn: str,
        port: int,
        certificate_names: Collection[str],
        identities: Collection[SipUri],
        gruu: str | None,
    ) -> RegisteredApplication:
        if not identities:
            raise ConfigurationError("name at least one user that the application acts as")
        service = f"sip:{fqdn}@{self._domain};gruu;opaque=srvr:{name}:{self._new_id()}"
        try:
            return RegisteredApplication(
                checked_product(name),
                fqdn,
                checked_port(port),
                checked_gruu(service if gruu is None else gruu),
                frozenset(certificate_names),
                frozenset(identities),
            )
        except ValueError as error:
            raise ConfigurationError(str(error)) from error

    async def _check_users(self, application: RegisteredApplication) -> None:
        for uri in sorted(application.identities):
            found = await self._store.find_users(uri)
            if not any(user.uri == uri for user in found):
                raise CommandFailed.of(
                    ErrorCode.NO_SUCH_PRINCIPAL,
                    f"{uri} is not a user: the address that an application acts as has to be"
                    " that of a user in the directory, not of a contact object; name a user,"
                    f" or make one with: perchat user add {uri.user} --service",
                )

    async def _check_free(self, new: RegisteredApplication) -> None:
        for known in await self.all():
            if fold(known.name) == fold(new.name):
                raise ConfigurationError(
                    f"the application {known.name} is registered already; to change it,"
                    f" remove it first: perchat app rm {known.name}"
                )
            if known.gruu == new.gruu:
                raise ConfigurationError(f"that GRUU is the application {known.name}'s")

    async def _append(self, operation: str, fact: Fact, about: RegisteredApplication) -> None:
        await self._store.append(fact, Administered(self._by, operation, about.gruu, 1))
        if self._wakeup is not None:
            self._wakeup.wake()
