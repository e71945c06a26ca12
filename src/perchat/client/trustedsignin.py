"""
Being accepted as a trusted application: a certificate, and a first request that tells who it is.

Nothing is proved by a password and nothing signed ([MS-SIPAE] is for clients). The
first request is an OPTIONS, so that a wrong pool, or one that does not know us, is
noticed at once and not at the first command.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.client.failures import register_failure, trust_failure
from perchat.client.signedin import Granted, SignedIn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perchat.client.signedin import SignInTarget
    from perchat.model.uri import SipUri
    from perchat.sip.message import Response

__all__ = ["TrustedSignIn"]

_log = logging.getLogger("perchat.signin")
_THERE = frozenset({404, 405, 481, 488, 501})  # not what it is asked every day, but it answers us


class TrustedSignIn(SignedIn):
    """One connection of an application, in the name of one user."""

    def __init__(
        self,
        target: SignInTarget,
        service: SipUri,
        *,
        registers: bool,
        on_lost: Callable[[Exception], None],
        on_deregistered: Callable[[str], None],
    ) -> None:
        """Take ``service``, the application's GRUU."""
        super().__init__(target, on_lost=on_lost, on_deregistered=on_deregistered)
        self.contact = f"<{service}>"
        self._service = service
        self._registers = registers
        self._introduced = False

    async def register(self, headers: Mapping[str, str] | None = None) -> Granted:
        """See ``SignedIn.register``; registers only where that was asked for."""
        more = {**self.target.headers, **(headers or {})}
        granted: Granted | None = None
        if not self._introduced:
            granted = Granted(await self._introduce(more), 0, self._service, 0)
        if self._registers or granted is None:
            granted = await self._registration(more)
        return granted

    async def unregister(self) -> None:
        """Say goodbye to the registrar, if it knows us."""
        if self._registers:
            await super().unregister()

    # --- inside ---

    async def _introduce(self, more: Mapping[str, str]) -> Response:
        request = self.request("OPTIONS", f"sip:{self.target.uri.domain}", *more.items())
        response = await self.link.exchange(request, self.target.timers.request)
        if response.status >= 300 and response.status not in _THERE:
            raise trust_failure(response)
        self._introduced = True
        _log.info("accepted as a trusted application, as %s", self.target.uri)
        return response

    async def _registration(self, more: Mapping[str, str]) -> Granted:
        request = self._register_request(more)
        response = await self.link.exchange(request, self.target.timers.request)
        if response.status in (401, 407):
            raise trust_failure(response)
        if response.status != 200:
            raise register_failure(response)
        granted = self._registered(response)
        self.contact = f"<{self._service}>"
        return replace(granted, gruu=self._service)
