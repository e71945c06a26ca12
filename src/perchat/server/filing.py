"""The commands that ask leave to transfer a file; ``getftok`` answers both."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from perchat.chat.refusal import Refusal, may_change
from perchat.errors import ErrorCode
from perchat.server.rows import Row, invalid
from perchat.xccos.blocks import FileTokenQuery
from perchat.xccos.primitives import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.server.session import ChatSession
    from perchat.xccos.blocks import FileToken
    from perchat.xccos.primitives import Command

__all__ = ["FILING"]

_ANSWER = "getftok"
_NONE = Refusal(ErrorCode.MSG_NOT_SUPPORTED, "this server has no files")


async def _grant(session: ChatSession, envid: str, command: Command, *, sends: bool) -> None:
    asked, files = command.data, session.services.files
    if not isinstance(asked, FileTokenQuery):
        return invalid(session, envid, command)
    granted: Refusal | FileToken = _NONE
    if files is not None:
        granted = files.grant(session, asked.room, sends=sends)
        if isinstance(granted, Refusal) and may_change(granted):
            await session.services.fanout.read_on()
            granted = files.grant(session, asked.room, sends=sends)
    if isinstance(granted, Refusal):
        reply = Reply.refusing(command, envid, granted.code)
    else:
        reply = Reply.to(command, envid, granted)
    session.reply(replace(reply, name=_ANSWER))
    return None


FILING: Mapping[str, Row] = {
    "getfutok": Row(partial(_grant, sends=True)),
    "getfdtok": Row(partial(_grant, sends=False)),
}
