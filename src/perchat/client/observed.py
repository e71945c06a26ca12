"""What objects with events have in common: handlers can be put on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.client.streams import Broadcast

__all__ = ["Observed"]

_Event = TypeVar("_Event")


class Observed(ABC):
    """A source of events that are also given to handlers."""

    @abstractmethod
    def _sources(self) -> tuple[Broadcast[Any], ...]:
        """Return where its events come from."""

    def on(self, kind: type[_Event], handler: Callable[[_Event], object]) -> Callable[[], None]:
        """
        Have ``handler``, a function or coroutine function, called with each event of a kind.

        It is called from the loop, in order, with one event at a time; what it raises is
        logged and harms nobody. Beyond 1000 waiting events the oldest are dropped. Returns
        a function that takes the handler off again.
        """
        offs = [source.call(kind, handler) for source in self._sources()]

        def take_off() -> None:
            for off in offs:
                off()

        return take_off
