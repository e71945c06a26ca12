"""What a user's programs keep at the service for each other."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LABEL_LIMIT", "Preference"]

LABEL_LIMIT = 255
"""Characters a label may have, as in the original's database."""


@dataclass(frozen=True, slots=True)
class Preference:
    """
    One bundle of one user; only that user ever sees it.

    Attributes:
        label: Names the bundle.
        version: Grows with every write.
        data: Opaque to the service: text that XML can carry; programs put base64 there.

    """

    label: str
    version: int
    data: str = ""
