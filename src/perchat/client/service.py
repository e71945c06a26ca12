"""
Finding the chat service proper, and learning what it is.

Older servers answer at a lookup address first and name the service's own; newer
ones name the very address that was called, or do not answer the question.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from perchat.client.dialog import unexpected
from perchat.errors import ChatServerConnectionError, CommandFailed, OperationTimeout
from perchat.xccos.blocks import Nothing, ServerInfoQuery, ServerInfoReply, ServerUri

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from perchat.client.dialog import ChatDialog
    from perchat.model.service import ServerInfo
    from perchat.model.uri import SipUri
    from perchat.xccos.blocks import Data

__all__ = ["expect", "learn", "open_service"]

_log = logging.getLogger("perchat.chat")
_Block = TypeVar("_Block")


async def open_service(
    new_dialog: Callable[[SipUri], ChatDialog], address: SipUri, wait: float
) -> ChatDialog:
    """
    Open a session at ``address`` or, if that names another one, there.

    Args:
        new_dialog: Makes a dialog with an address.
        address: Where to begin.
        wait: Seconds for the lookup.

    """
    dialog = new_dialog(address)
    await dialog.open()
    try:
        actual = await _look_up(dialog, wait)
    except BaseException:
        await dialog.close()
        raise
    if actual is None or actual == address:
        return dialog
    _log.info("%s sends us to %s", address, actual)
    await dialog.close()
    dialog = new_dialog(actual)
    await dialog.open()
    return dialog


async def learn(dialog: ChatDialog) -> tuple[ServerInfo, timedelta]:
    """
    Return what the service tells of itself, and how far its clock is ahead of ours.

    Raises:
        ChatServerConnectionError: It is of a generation before Lync 2013.
        CommandFailed: It does not tell.

    """
    query = ServerInfoQuery(dialog.address.domain)
    sent = datetime.now(UTC)
    reply = await dialog.command("getserverinfo", query, expect("getserverinfo", ServerInfoReply))
    came = datetime.now(UTC)
    if reply.is_older:
        raise ChatServerConnectionError(
            f"{dialog.address} is a server of an older generation (Lync 2010 or before): it tells"
            " nothing that servers have told since Lync 2013, the oldest that is spoken to here"
        )
    return reply.info, reply.info.time - (sent + (came - sent) / 2)


def expect(name: str, kind: type[_Block]) -> Callable[[Data], _Block]:
    """Return a check that a reply's data is a ``kind``; CommandFailed when it is not."""

    def check(data: Data) -> _Block:
        if isinstance(data, kind):
            return data
        raise unexpected(name, data)

    return check


async def _look_up(dialog: ChatDialog, wait: float) -> SipUri | None:
    try:
        answer = await dialog.command("requri", Nothing(), expect("requri", ServerUri), wait=wait)
    except (OperationTimeout, CommandFailed) as error:
        _log.debug("%s does not say where the service is: %s", dialog.address, error)
        return None
    return answer.uri
