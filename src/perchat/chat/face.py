"""What the parts of the chat service's face have in common."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from perchat.chat.refusal import Refusal
from perchat.errors import CommandFailed, ErrorCode, StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from perchat.chat.desk import Desk
    from perchat.chat.rooms import Rooms

__all__ = ["Face", "refusing"]

P = ParamSpec("P")
T = TypeVar("T")


class Face:
    """A part of ChatService; all of them work at the same desk."""

    _desk: Desk
    _rooms: Rooms


def refusing(
    act: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[None, None, Refusal | T]]:
    """Return what is raised while something is done as a Refusal."""

    @functools.wraps(act)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> Refusal | T:
        try:
            return await act(*args, **kwargs)
        except CommandFailed as error:
            return Refusal(error.code, str(error))
        except StorageError as error:
            return Refusal(ErrorCode.DATABASE_CONNECTION, f"the service cannot do it now: {error}")
        except ValueError as error:
            return Refusal(ErrorCode.INVALID_ARGUMENT, str(error))

    return wrapper
