"""The programs of the page on connecting, run as they are printed there."""

from __future__ import annotations

import ast
import asyncio
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import perchat
from perchat.net.resolver import SystemResolver
from perchat.server.admin import administration
from perchat.server.applicationadmin import application_administration, issue_for
from perchat.server.install import install
from tests.server.harness import PASSWORD, Sample, running
from tests.server.trusting import BOT, DOMAIN, FQDN, GRUU, NAME, POOL, PORT, own_loopback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

PAGE = Path(__file__).parent.parent / "docs" / "tutorial" / "connecting.md"
AS_USER, AS_APPLICATION, TALKING = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
SERVER = f"server.{DOMAIN}"


@pytest.fixture
async def contoso(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sample]:
    """The page's domain at an address of its own, which its host names lead to."""
    address = own_loopback()
    config = await install(tmp_path / "server", DOMAIN, [POOL, SERVER])
    async with administration(config) as admin:
        for name in ("reportbot", "alice", "bob"):
            await admin.add_user(name, PASSWORD, display_name=name.title())
        await admin.add_category("Company")
        await admin.add_room("Ops", "Company", members=("reportbot", "alice", "bob"))
    async with application_administration(config) as register:
        await register.add(NAME, fqdn=FQDN, port=PORT, act_as=[BOT], gruu=GRUU)
    certificate = issue_for(config, FQDN, tmp_path / "issued")

    async def addresses(_: SystemResolver, host: str) -> tuple[str, ...]:
        return (address,) if host in (POOL, SERVER) else ()

    monkeypatch.setattr(SystemResolver, "addresses", addresses)
    monkeypatch.setenv("SSL_CERT_FILE", str(config.path(config.paths.authority)))
    monkeypatch.setenv("PERCHAT_CERTIFICATES", str(certificate.parent))
    monkeypatch.setattr("getpass.getpass", lambda: PASSWORD)
    here = partial(perchat.connect_application, listen=[own_loopback()])
    monkeypatch.setattr(perchat, "connect_application", here)
    listen = msgspec.structs.replace(config.listen, tls=f"{address}:5061", tcp="127.0.0.1:0")
    async with running(msgspec.structs.replace(config, listen=listen), tls=5061) as sample:
        yield sample


def program(text: str) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return ``main`` of a printed program, whose last line would run it."""
    tree = ast.parse(text)
    assert ast.unparse(tree.body.pop()) == "asyncio.run(main())"
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(tree, str(PAGE), "exec"), names)
    main: Callable[[], Coroutine[Any, Any, None]] = names["main"]
    return main


async def printed(text: str, count: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run a program that goes on for ever until it has printed so many lines."""
    task = asyncio.get_running_loop().create_task(program(text)())
    lines: list[str] = []
    async with asyncio.timeout(20):
        while len(lines) < count and not task.done():
            await asyncio.sleep(0.01)
            lines += capsys.readouterr().out.splitlines()
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()
    return lines


@pytest.mark.requirement("R71", "R70", "R10", "R17")
async def test_as_a_user(contoso: Sample, capsys: pytest.CaptureFixture[str]) -> None:
    assert await printed(AS_USER, 1, capsys) == ["Persistent Chat 8192"]


@pytest.mark.requirement("R71", "R70", "R40")
async def test_as_a_trusted_application(
    contoso: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = await printed(AS_APPLICATION, 1, capsys)
    assert re.fullmatch(r"Ops ma-chan://contoso.com/\S+ 0", line)


@pytest.mark.requirement("R71")
async def test_join_post_listen(contoso: Sample, capsys: pytest.CaptureFixture[str]) -> None:
    lines = await printed(TALKING, 2, capsys)
    assert [line.partition(" ")[2] for line in lines] == [
        "sip:alice@contoso.com: Hello from Python",
        "sip:alice@contoso.com: All steps are in the wiki.",
    ]


@pytest.mark.parametrize("text", [AS_USER, AS_APPLICATION, TALKING])
def test_the_programs_are_short_and_need_only_perchat(text: str) -> None:
    assert len([line for line in text.splitlines() if line.strip()]) <= 30
    assert set(re.findall(r"^import (\w+)", text, re.MULTILINE)) <= {
        "asyncio",
        "getpass",
        "perchat",
    }
