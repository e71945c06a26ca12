"""What services need of a chat: a way to send commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from perchat.model.uri import SipUri
    from perchat.xccos.blocks import Data

__all__ = ["Commands"]

_Block = TypeVar("_Block")


class Commands(Protocol):
    """What services need of a chat."""

    @property
    def owner_uri(self) -> SipUri:
        """The user's address-of-record."""

    async def command(self, name: str, data: Data, kind: type[_Block]) -> _Block:
        """Send a command and return its reply's data."""
