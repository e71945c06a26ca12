"""
Copies of the bundles that were read, so that what has not changed is not sent again.

The service is asked all the same, for anything newer than the copy: a copy saves bytes
and never answers by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.client.events import PreferenceChanged
    from perchat.model.preference import Preference

__all__ = ["PreferenceCopies"]

_MOST = 32  # bundles, which the service bounds each


class PreferenceCopies:
    """The bundles of one user as last read or written; beyond a bound the oldest go."""

    def __init__(self) -> None:
        self._copies: dict[str, Preference] = {}

    def __len__(self) -> int:
        return len(self._copies)

    def get(self, label: str) -> Preference | None:
        """Return the copy of a bundle."""
        return self._copies.get(label)

    def put(self, preference: Preference) -> None:
        """Keep a copy; of a bundle that nobody has written (version 0) there is none."""
        self._copies.pop(preference.label, None)
        if preference.version > 0:
            self._copies[preference.label] = preference
        if len(self._copies) > _MOST:
            del self._copies[next(iter(self._copies))]

    def changed(self, change: PreferenceChanged) -> None:
        """Forget the copy of what has been written elsewhere."""
        copy = self._copies.get(change.label)
        if copy is not None and copy.version != change.version:
            del self._copies[change.label]

    def clear(self) -> None:
        """Forget all."""
        self._copies.clear()
