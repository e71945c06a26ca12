"""
Signing in with a credential: register, be challenged, prove it ([MS-SIPAE]).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.client.failures import register_failure
from perchat.client.guard import SigningGuard
from perchat.client.proving import Proving
from perchat.client.signedin import SignedIn
from perchat.errors import AuthenticationError, AuthenticationReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perchat.client.credentials import Credentials
    from perchat.client.signedin import Granted, SignInTarget
    from perchat.sip.message import Response

__all__ = ["UserSignIn"]

_CHALLENGES = frozenset({401, 407})


class UserSignIn(SignedIn):
    """One connection and the registration on it, with a credential behind it."""

    def __init__(
        self,
        target: SignInTarget,
        credential: Credentials,
        *,
        on_lost: Callable[[Exception], None],
        on_deregistered: Callable[[str], None],
    ) -> None:
        super().__init__(target, on_lost=on_lost, on_deregistered=on_deregistered)
        self._proving = Proving(credential, target.schemes, target.timers.association)
        self._guard = SigningGuard(self._proving.initiator, self.link.fail)

    async def register(self, headers: Mapping[str, str] | None = None) -> Granted:
        """
        Register, answering challenges; also refreshes, then signed and unchallenged.

        Raises:
            AuthenticationError: We were not accepted, or do not accept the server.
            RegisterError: Refused for another reason.
            ServerPolicyError: Refused with a warning.
            OperationTimeout: No answer in time.
            ConnectionFailure: The connection ended.

        """
        more = {**self.target.headers, **(headers or {})}
        response = await self._register(more)
        if response.status != 200:
            raise register_failure(response)
        if not self._proving.initiator.established:
            raise AuthenticationError(
                "the server lets anybody in: it did not ask who we are",
                reason=AuthenticationReason.NOT_CHALLENGED,
                status=response.status,
            )
        return self._registered(response)

    def use(self, credential: Credentials) -> None:
        """Prove ourselves with another credential from the next challenge on."""
        self._proving.use(credential)

    def renewal_due(self) -> float:
        """Return in how many seconds the association has to be made anew."""
        return self._proving.renewal_due()

    async def _register(self, more: Mapping[str, str]) -> Response:
        wait = self.target.timers.request
        await self._proving.prepare()
        request = self._register_request(more)
        response = await self.link.exchange(request, wait)
        while response.status in _CHALLENGES:
            answer = await self._proving.answer(response, request)
            request = self._register_request(more, *answer)
            response = await self.link.exchange(request, wait)
        return response
