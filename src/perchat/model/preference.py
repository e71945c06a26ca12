"""What a user's programs keep at the service for each other."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALWAYS", "FOLLOWED_LABEL", "LABEL_LIMIT", "READ_LABEL", "Preference"]

ALWAYS = -1
"""The version that asks for a bundle, or writes it, whatever the current version is."""

LABEL_LIMIT = 255
"""Characters a label may have, as in the original's database."""

FOLLOWED_LABEL = "perchat.followed"
"""The bundle of the rooms a user follows: a JSON array of ``ma-chan://`` URIs."""

READ_LABEL = "perchat.read"
"""The bundle of read positions: a JSON object of message ids by ``ma-chan://`` URI."""


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
