"""People and groups looked up: ``chat.users``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.client.naming import at_most, uri_of, user_uri
from perchat.model.principal import DirectoryUser, Group, UserMatches
from perchat.xccos.managing import PrincipalLookup, UserQuery

if TYPE_CHECKING:
    from perchat.client.commands import Commands
    from perchat.client.naming import PrincipalLike

__all__ = ["UserServices"]


class UserServices:
    """
    What the service tells of users and groups.

    What is wrong in itself raises ValueError or TypeError before anything is sent.
    Everything may raise ChatServerConnectionError and OperationTimeout besides what it
    says, and NotSupported where the service does not know the command.
    """

    def __init__(self, chat: Commands) -> None:
        self._chat = chat

    async def find(
        self, *, last: str = "", first: str = "", email: str = "", limit: int | None = None
    ) -> UserMatches:
        """
        Return the users whose names and addresses hold these texts, letter case apart.

        Args:
            last: Part of the family name.
            first: Part of the given name.
            email: Part of the e-mail address.
            limit: The most to return; the service's own limit prevails. See
                ``more_available`` on what is returned.

        Raises:
            ValueError: Nothing to look for.

        """
        query = UserQuery(last.strip(), first.strip(), email.strip(), at_most(limit))
        if not (query.last or query.first or query.email):
            raise ValueError("users are found by a name or an e-mail address")
        return await self._chat.command("usersrch", query, UserMatches)

    async def get(self, user: PrincipalLike) -> DirectoryUser:
        """
        Return what the directory tells of a user.

        Raises:
            PermissionDenied: It is neither the caller, nor is the caller a system user.
            NoSuchPrincipal: No such user.

        """
        return await self._chat.command("getuser", PrincipalLookup(user_uri(user)), DirectoryUser)

    async def get_group(self, group: PrincipalLike) -> Group:
        """
        Return what the directory tells of a group, container or domain.

        Raises:
            ValueError: It is a user.
            PermissionDenied: The caller is no system user.
            NoSuchPrincipal: No such group.

        """
        uri = uri_of(group)
        if uri.startswith("sip:"):
            raise ValueError(f"a user, not a group: {uri}")
        return await self._chat.command("getgroup", PrincipalLookup(uri), Group)
