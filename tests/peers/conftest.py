"""Peers and the server they talk to; a peer that is missing is a failure under CI."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from tests.peers.server import Installation
from tools.peers import SIPP, PeerUnavailable, sipe_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.peers.server import RunningServer
    from tools.peers import Peer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a program from elsewhere."""
    for item in items:
        if "peers" in item.path.parent.parts[-1:]:
            item.add_marker(pytest.mark.peer)


def without(problem: PeerUnavailable) -> None:
    """Skip where a peer may be missing; fail where it may not."""
    if os.environ.get("CI"):
        pytest.fail(f"{problem} (run tools/peers.py)", pytrace=False)
    pytest.skip(f"{problem} (run tools/peers.py)")


def required(peer: Peer) -> None:
    """Go on where a peer is installed."""
    try:
        peer.require()
    except PeerUnavailable as problem:
        without(problem)


@pytest.fixture(scope="session")
def driver() -> Path:
    """The driver of the real pidgin-sipe client."""
    try:
        return sipe_driver()
    except PeerUnavailable as problem:
        without(problem)
        raise


@pytest.fixture(scope="session")
def sipp() -> None:
    """SIPp is installed."""
    try:
        SIPP.require()
    except PeerUnavailable as problem:
        without(problem)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A fresh installation with three users and one category."""
    made = Installation.create(tmp_path_factory.mktemp("perchat") / "data")
    for name in ("alice", "bob", "carol"):
        made.add_user(name)
    made.perchat("category", "add", "General")
    return made


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[RunningServer]:
    """One server for a module's tests; it has to end cleanly, too."""
    running = installation.serve()
    yield running
    assert running.stop() == 0
    assert "Traceback" not in installation.log()


@pytest.fixture(scope="module")
def new_room(installation: Installation) -> Callable[..., str]:
    """Make a room nobody else uses; give its name and its members."""
    numbers = itertools.count(1)

    def make(name: str, *members: str, description: str = "") -> str:
        title = f"{name} {next(numbers)}"
        installation.add_room(title, "General", *members, description=description)
        return title

    return make
