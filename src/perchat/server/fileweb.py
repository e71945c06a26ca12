"""
The web side of files: one address that takes SOAP calls, whoever sends them.

Whatever is wrong with a call is answered by a fault that says so. A body is read as far
as the longest call goes and no further, within its time, and never parsed in the loop.
"""

from __future__ import annotations

import asyncio
import logging
from email.utils import formatdate
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from perchat.errors import CommandFailed, ErrorCode, RemoteProtocolError, StorageError
from perchat.xccos.fileservice import (
    CONTENT_TYPE,
    SERVICE_PATH,
    read_call,
    request_limit,
    write_answer,
    write_fault,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from perchat.server.config import FilesConfig
    from perchat.server.fileoperations import FileOperations
    from perchat.server.threads import Threads

__all__ = ["file_application"]

_log = logging.getLogger(__name__)
_FAULT = 500  # SOAP 1.1 §6.2
_KILOBYTE = 1024


def file_application(
    operations: FileOperations, config: FilesConfig, threads: Threads
) -> Starlette:
    """Return the ASGI application."""
    service = _Service(operations, config, threads)
    return Starlette(routes=[Route(SERVICE_PATH, service.answer, methods=["POST"])])


class _Service:
    def __init__(self, operations: FileOperations, config: FilesConfig, threads: Threads) -> None:
        self._operations = operations
        self._in_thread = threads.run
        self._limit = request_limit(config.chunk_kilobytes * _KILOBYTE)
        self._seconds = config.request_seconds

    async def answer(self, request: Request) -> Response:
        """Carry one call out."""
        try:
            body = await self._body(request)
            call = await self._in_thread(lambda: read_call(body))
            result = await self._operations.carry_out(call)
        except Exception as error:
            return _response(_fault(error), _FAULT)
        return _response(write_answer(call.operation, result), 200)

    async def _body(self, request: Request) -> bytes:
        told = request.headers.get("content-length", "")
        if told.isdigit() and int(told[:18]) > self._limit:
            raise self._too_long()
        body = bytearray()
        async with asyncio.timeout(self._seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > self._limit:
                    raise self._too_long()
        return bytes(body)

    def _too_long(self) -> CommandFailed:
        return CommandFailed.of(
            ErrorCode.LIMIT_EXCEEDED, f"a request may have {self._limit} bytes; send smaller chunks"
        )


def _fault(error: Exception) -> bytes:
    """Return the fault for what went wrong; the log has what is ours."""
    match error:
        case CommandFailed():
            return write_fault(error.code, str(error))
        case RemoteProtocolError():
            return write_fault(ErrorCode.INVALID_ARGUMENT, str(error))
        case ClientDisconnect() | TimeoutError():
            return write_fault(ErrorCode.INVALID_ARGUMENT, "the request did not arrive in time")
        case StorageError():
            _log.error("a file: %s", error)
            return write_fault(ErrorCode.DATABASE_CONNECTION, str(error), ours=True)
        case _:
            _log.error("a call of the file service failed", exc_info=error)
            return write_fault(ErrorCode.UNKNOWN_SERVER_ERROR, "the service failed", ours=True)


def _response(document: bytes, status: int) -> Response:
    headers = {"Date": formatdate(usegmt=True), "Cache-Control": "no-store"}
    return Response(document, status, headers, media_type=CONTENT_TYPE)
