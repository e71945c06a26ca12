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
from perchat.net.resolver import ServiceRecord, SystemResolver
from perchat.server.admin import administration
from perchat.server.applicationadmin import application_administration, issue_for
from perchat.server.install import install
from tests.peers.conftest import without
from tests.peers.kdc import kerberos_missing, realm_of
from tests.server.harness import PASSWORD, Sample, running
from tests.server.talking import connect
from tests.server.trusting import BOT, DOMAIN, FQDN, GRUU, NAME, POOL, PORT, own_loopback
from tools.peers import PeerUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from tests.peers.kdc import Kdc

PAGE = Path(__file__).parent.parent / "docs" / "tutorial" / "connecting.md"
AS_USER, AS_APPLICATION, TALKING = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
SERVER, FOUND = f"server.{DOMAIN}", f"sip.{DOMAIN}"


@pytest.fixture
def kdc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kdc]:
    """The domain's realm; this process is alice, logged on."""
    if missing := kerberos_missing():
        without(PeerUnavailable(f"Kerberos needs {', '.join(missing)}"))
    folder = tmp_path / "kdc"
    folder.mkdir()
    with realm_of(folder, DOMAIN.upper()) as made:
        made.add("alice")
        made.add_service(f"sip/{FOUND}", folder / "keytab")
        monkeypatch.setenv("KRB5CCNAME", f"FILE:{made.ticket('alice')}")
        yield made


@pytest.fixture
async def contoso(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sample]:
    """The page's domain at an address of its own, which its host names lead to."""
    address = own_loopback()
    config = await install(tmp_path / "server", DOMAIN, [POOL, SERVER])
    async with administration(config) as admin:
        await admin.add_user("reportbot", None, service=True)
        for name in ("alice", "bob"):
            await admin.add_user(name, PASSWORD, display_name=name.title())
        await admin.add_category("Company")
        await admin.add_room("Project Alpha", "Company", members=("reportbot", "alice", "bob"))
    async with application_administration(config) as register:
        await register.add(NAME, fqdn=FQDN, port=PORT, act_as=[BOT], gruu=GRUU)
    certificate = issue_for(config, FQDN, tmp_path / "issued")

    async def addresses(_: SystemResolver, host: str) -> tuple[str, ...]:
        return (address,) if host in (POOL, SERVER, FOUND) else ()

    async def services(_: SystemResolver, name: str) -> tuple[ServiceRecord, ...]:
        known = name == f"_sipinternaltls._tcp.{DOMAIN}"
        return (ServiceRecord(priority=0, weight=0, port=5061, target=FOUND),) if known else ()

    monkeypatch.setattr(SystemResolver, "addresses", addresses)
    monkeypatch.setattr(SystemResolver, "services", services)
    monkeypatch.chdir(config.folder)  # where pki/ca.pem is
    monkeypatch.setenv("PERCHAT_CERTIFICATES", str(certificate.parent))
    monkeypatch.setattr("getpass.getpass", lambda: PASSWORD)
    here = partial(perchat.connect_application, listen=[own_loopback()])
    monkeypatch.setattr(perchat, "connect_application", here)
    listen = msgspec.structs.replace(config.listen, tls=f"{address}:5061", tcp="127.0.0.1:0")
    config = msgspec.structs.replace(config, listen=listen)
    if "kdc" in request.fixturenames:
        keytab = str(tmp_path / "kdc" / "keytab")
        sign_in = msgspec.structs.replace(
            config.sign_in, protocols=("kerberos", "ntlm"), keytab=keytab
        )
        config = msgspec.structs.replace(config, sign_in=sign_in)
    async with running(config, tls=5061) as sample:
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
    assert re.fullmatch(r"Project Alpha ma-chan://contoso.com/\S+ 0", line)


@pytest.mark.peer
@pytest.mark.xdist_group("sipe")
@pytest.mark.requirement("R71", "R19", "R22")
async def test_join_post_listen(
    kdc: Kdc, contoso: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        connect(contoso, "bob", domain=DOMAIN) as chat,
        chat.join("Project Alpha") as room,
    ):
        heard = room.messages()
        listening = asyncio.get_running_loop().create_task(printed(TALKING, 1, capsys))
        async with asyncio.timeout(20):
            plain, story, built = [await anext(heard) for _ in range(3)]
            await room.post("Thank you")
        (line,) = await listening
    assert line[5:] == " sip:bob@contoso.com: Thank you"
    assert (plain.author, plain.text) == ("sip:alice@contoso.com", "Hello from Python")
    assert (story.title, story.is_story, story.is_alert) == ("Release 1.2", True, True)
    assert [type(part).__name__ for part in built.parts] == ["EmoticonPart", "TextPart", "LinkPart"]


@pytest.mark.parametrize("text", [AS_USER, AS_APPLICATION, TALKING])
def test_the_programs_are_short_and_need_only_perchat(text: str) -> None:
    assert len([line for line in text.splitlines() if line.strip()]) <= 30
    assert set(re.findall(r"^import (\w+)", text, re.MULTILINE)) <= {
        "asyncio",
        "getpass",
        "perchat",
    }
