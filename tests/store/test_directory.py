from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConfigurationError, NoSuchPrincipal
from perchat.model.uri import SipUri
from perchat.store.directory import Directory, DirectoryKey, create_key, load_key
from perchat.store.memory import MemoryStore
from tests.store.samples import ADA, BOB, SETTLED, user

if TYPE_CHECKING:
    from pathlib import Path

NT_HASH = bytes(range(16))


@pytest.fixture
def key(tmp_path: Path) -> DirectoryKey:
    return create_key(tmp_path / "directory.key")


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.append(*SETTLED)
    return store


@pytest.fixture
def directory(store: MemoryStore, key: DirectoryKey) -> Directory:
    return Directory(store, key)


def test_a_key_is_read_as_it_was_made(key: DirectoryKey) -> None:
    assert load_key(key.path) == key
    assert key.path.stat().st_mode & 0o777 == 0o600
    assert key.secret.hex() not in repr(key)


def test_a_key_file_is_never_overwritten(key: DirectoryKey) -> None:
    with pytest.raises(ConfigurationError, match="exists"):
        create_key(key.path)
    assert load_key(key.path) == key


def test_a_key_cannot_be_written_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        create_key(tmp_path / "missing" / "directory.key")


def test_a_key_others_can_read_is_refused(key: DirectoryKey) -> None:
    key.path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_key(key.path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.key"):
        load_key(tmp_path / "gone.key")


@pytest.mark.parametrize("content", ["", "zz", "00ff", "ü"])
def test_a_file_that_holds_no_key_is_named(key: DirectoryKey, content: str) -> None:
    key.path.write_text(content)
    with pytest.raises(ConfigurationError, match="does not hold a key"):
        load_key(key.path)


async def test_a_secret_comes_back_as_it_was_given(directory: Directory) -> None:
    assert directory.secret(ADA) is None
    await directory.set_secret(ADA, NT_HASH)
    assert directory.secret(ADA) == NT_HASH


async def test_a_secret_is_not_readable_in_the_store(
    directory: Directory, store: MemoryStore
) -> None:
    await directory.set_secret(ADA, NT_HASH)
    await directory.set_secret(BOB, NT_HASH)
    stored = [store.secret(ADA), store.secret(BOB)]
    assert all(secret and NT_HASH not in secret for secret in stored)
    assert stored[0] != stored[1]


async def test_another_key_opens_nothing(
    directory: Directory, store: MemoryStore, tmp_path: Path
) -> None:
    await directory.set_secret(ADA, NT_HASH)
    other = Directory(store, create_key(tmp_path / "other.key"))
    with pytest.raises(ConfigurationError, match=r"other\.key.*set the password again"):
        other.secret(ADA)


async def test_one_users_secret_is_none_of_anothers(
    directory: Directory, store: MemoryStore
) -> None:
    await directory.set_secret(ADA, NT_HASH)
    stolen = store.secret(ADA)
    assert stolen is not None
    await store.set_secret(BOB, stolen)
    with pytest.raises(ConfigurationError):
        directory.secret(BOB)


async def test_nobody_has_no_secret(directory: Directory) -> None:
    nobody = SipUri("sip:nobody@contoso.example")
    assert directory.secret(nobody) is None
    with pytest.raises(NoSuchPrincipal):
        await directory.set_secret(nobody, NT_HASH)


@pytest.mark.parametrize(
    "login", ["ada", "Ada", " ada ", "ada@contoso.example", "sip:ada@contoso.example"]
)
async def test_a_user_is_found_by_name_and_address(directory: Directory, login: str) -> None:
    found = await directory.find(login)
    assert found is not None
    assert found.uri == ADA


async def test_a_name_two_users_share_finds_nobody(
    directory: Directory, store: MemoryStore
) -> None:
    await store.append(user(SipUri("sip:ada@fabrikam.example"), guid="another"))
    assert await directory.find("ada") is None
    assert await directory.find("ada@contoso.example") is not None
    assert await directory.find("nobody") is None
