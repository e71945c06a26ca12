"""
Who is taken at their word: users from addresses of this machine, where the settings say so.

For measuring what chat costs without what signatures cost, and for machines where every
program is trusted with everything; as ``trust`` is for PostgreSQL. Who is trusted is asked
for no password and signs nothing, but has to register, and is then that user and no more.
"""

from __future__ import annotations

import ipaddress
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from perchat.sip.lane import Proof

__all__ = ["AtTheirWord", "is_trusted", "trusted_networks", "warn_of_trust"]

_log = logging.getLogger("perchat.signin")
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def trusted_networks(trust: Iterable[str]) -> tuple[_Network, ...]:
    """
    Return the networks of ``sign_in.trust``.

    Raises:
        ConfigurationError: One is no address, or can be reached from elsewhere.

    """
    return tuple(map(_network, trust))


def _network(text: str) -> _Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigurationError(
            f"sign_in.trust: {text!r} is neither an address nor a network: {error}"
        ) from error
    if not network.is_loopback:
        raise ConfigurationError(
            f"sign_in.trust: {text} is not loopback, and whoever is trusted can be anybody;"
            ' only addresses of this machine are taken, such as "127.0.0.1" and "::1"'
        )
    return network


_networks = lru_cache(maxsize=1)(trusted_networks)  # asked for each connection


def is_trusted(peer: str, trust: Sequence[str]) -> bool:
    """Whether the settings take users who connect from ``peer``, an IP address, at their word."""
    if not trust:
        return False
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:  # no address, no trust
        return False
    return any(address in network for network in _networks(tuple(trust)))


def warn_of_trust(trust: Sequence[str], listeners: Iterable[str]) -> None:
    """Tell the log, loudly, what the settings have opened, and where."""
    if not trust:
        return
    whence = ", ".join(trust)
    _log.warning(
        "sign_in.trust is on: whoever connects from %s can be any user, without a password", whence
    )
    for listener in listeners:
        _log.warning("%s takes users from %s at their word", listener, whence)


class AtTheirWord:
    """Answers for INFOs of who is trusted (`perchat.sip.intake`), while registered as that."""

    __slots__ = ("_registered", "_sender")

    def __init__(self, registered: Callable[[], str], sender: str) -> None:
        """Take who tells which user is registered, and whose INFOs these are."""
        self._registered = registered
        self._sender = sender

    def admits(self, number: int, proof: Proof | None, now: float) -> bool:
        """Whether the guard would let it pass; signatures count for nothing here."""
        del number, proof, now
        return self._registered() == self._sender

    def sign(self, number: int) -> bytes:
        """Sign nothing."""
        del number
        return b""
