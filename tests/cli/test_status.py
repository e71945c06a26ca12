"""``perchat status`` asks the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.commandline import serving
from tests.server.harness import free_port

if TYPE_CHECKING:
    from tests.cli.commandline import CommandLine


def test_it_shows_what_the_server_tells(cli: CommandLine) -> None:
    port = free_port()
    with cli.file.open("a") as settings:
        settings.write(f'\n[health]\nlisten = "127.0.0.1:{port}"\n')
    with serving(cli.config) as (up, _):
        (told,) = up("status", "--json").objects
        assert (told["sessions"], told["journal_behind"]) == (0, 0)
        assert any(line.startswith("lag_max_ms") for line in up("status").lines)
    cli("status").refused(4, str(port))


def test_a_server_that_tells_nothing_is_said_how_to(cli: CommandLine) -> None:
    cli("status").refused(3, "[health]")
