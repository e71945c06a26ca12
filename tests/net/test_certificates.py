"""Finding a certificate of ours by subject, and telling why there is none."""

from __future__ import annotations

import logging
import os
import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from perchat.errors import CertificateNotFound, ConfigurationError, TlsFailure, TlsFailureReason
from perchat.net.certificates import Certificate
from perchat.net.tls import client_context, server_context
from tests.net.material import HOST, NOW, Authority, serving

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12PrivateKeyTypes

    from perchat.net.pki import KeyPair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "authority")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


def put(store: Path, pair: KeyPair, name: str) -> None:
    (store / f"{name}.crt").write_bytes(pair.certificate)
    (store / f"{name}.key").write_bytes(pair.key)


def pfx(pair: KeyPair, encryption: KeySerializationEncryption, *more: bytes) -> bytes:
    key: PKCS12PrivateKeyTypes = load_pem_private_key(pair.key, None)  # type: ignore[assignment]
    chain = [x509.load_pem_x509_certificate(pem) for pem in more]
    leaf = x509.load_pem_x509_certificate(pair.certificate)
    return pkcs12.serialize_key_and_certificates(b"app", key, leaf, chain, encryption)


# --- found ---


@pytest.mark.parametrize("part", ["client.contoso.com", "CLIENT.Contoso", "contoso", "second"])
def test_any_part_of_subject_or_dns_name_finds_it(
    authority: Authority, store: Path, part: str
) -> None:
    put(store, authority.issue("client.contoso.com", "second.example.com"), "one")
    put(store, authority.issue("other.fabrikam.com"), "two")
    found = Certificate.find(subject=part, store=store)
    assert found.subject == "CN=client.contoso.com"
    assert found.issuer == "CN=Test authority"
    assert found.names == {"client.contoso.com", "second.example.com"}
    assert found.place == "one.crt"
    assert found.not_before < NOW < found.not_after
    assert found.not_after - NOW == pytest.approx(timedelta(days=30), abs=timedelta(minutes=1))


def test_it_is_known_by_the_numbers_that_other_tools_show(authority: Authority) -> None:
    pair = authority.issue("app.example.com")
    found = authority.save(pair, "app")
    read = x509.load_pem_x509_certificate(pair.certificate)
    assert found.serial_number == read.serial_number
    assert len(found.thumbprint) == 40
    assert found.thumbprint == found.thumbprint.upper()
    assert len(found.fingerprint) == 64
    assert found == Certificate.from_files(authority.folder / "app.pem")
    assert len({found, Certificate.from_files(authority.folder / "app.pem")}) == 1
    assert found != authority.certificate("app.example.com")


@pytest.mark.parametrize("as_text", [False, True])
def test_a_store_is_a_folder_or_a_file_and_may_be_named_by_text(
    authority: Authority, store: Path, as_text: bool
) -> None:
    pair = authority.issue("app.example.com")
    (store / "all.pem").write_bytes(pair.key + pair.certificate)
    for place in (store, store / "all.pem"):
        found = Certificate.find(subject="app", store=str(place) if as_text else place)
        assert found.subject == "CN=app.example.com"


def test_a_pfx_file_is_a_store_with_its_chain(authority: Authority, store: Path) -> None:
    encryption = BestAvailableEncryption(b"secret")
    data = pfx(authority.issue("app.example.com"), encryption, authority.pair.certificate)
    (store / "app.PFX").write_bytes(data)
    for place in (store, store / "app.PFX"):
        found = Certificate.find(subject="app", store=place, password="secret")
        assert found.subject == "CN=app.example.com"
        assert found.chain == ()  # the root is not sent
    assert Certificate.from_files(store / "app.PFX", password=b"secret").place == "app.PFX"


def test_a_pfx_without_a_password_and_a_der_file_are_read_too(
    authority: Authority, store: Path
) -> None:
    (store / "a.p12").write_bytes(pfx(authority.issue("a.example.com"), NoEncryption()))
    pair = authority.issue("b.example.com")
    leaf = x509.load_pem_x509_certificate(pair.certificate)
    (store / "b.cer").write_bytes(leaf.public_bytes(Encoding.DER))
    (store / "b.key").write_bytes(pair.key)
    names = [Certificate.find(subject=s, store=store).subject for s in ("a.ex", "b.ex")]
    assert names == ["CN=a.example.com", "CN=b.example.com"]


def test_an_open_file_beside_a_locked_one_is_read_with_the_password_at_hand(
    authority: Authority, store: Path
) -> None:
    (store / "a.p12").write_bytes(pfx(authority.issue("a.example.com"), NoEncryption()))
    put(store, authority.issue("b.example.com"), "b")
    for subject in ("a.ex", "b.ex"):
        Certificate.find(subject=subject, store=store, password="for another file")


def test_of_several_the_one_that_expires_last_is_taken_and_that_is_logged(
    authority: Authority, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for days in (10, 50, 30):
        put(store, authority.issue("app.example.com", days=days), f"for-{days}")
    found = Certificate.find(subject="app.example.com", store=store)
    assert found.place == "for-50.crt"
    [record] = caplog.records
    assert "3 certificates" in record.message
    assert f"{found.serial_number:x}" in record.message


def test_several_can_be_an_error_and_then_each_is_named(authority: Authority, store: Path) -> None:
    for name in ("app1.example.com", "app2.example.com"):
        put(store, authority.issue(name), name)
    with pytest.raises(
        TlsFailure, match=r"2 certificates .*app1\.example.*app2\.example"
    ) as caught:
        Certificate.find_or_none(subject="app", store=store, ambiguous="error")
    assert caught.value.reason is TlsFailureReason.LOCAL_CERTIFICATE_UNUSABLE
    assert Certificate.find(subject="app1", store=store, ambiguous="error").place


def test_one_certificate_in_two_files_is_one(authority: Authority, store: Path) -> None:
    pair = authority.issue("app.example.com")
    put(store, pair, "a")
    put(store, pair, "b")
    Certificate.find(subject="app", store=store, ambiguous="error")


def test_issuer_and_serial_number_name_one_certificate(authority: Authority, store: Path) -> None:
    pairs = [authority.issue("app.example.com") for _ in range(3)]
    for index, pair in enumerate(pairs):
        put(store, pair, str(index))
    wanted = authority.save(pairs[1]).serial_number
    find = partial(Certificate.find_by_serial, store=store, serial_number=wanted)
    assert find(issuer="test AUTH").place == "1.crt"
    with pytest.raises(CertificateNotFound, match=f"serial {wanted:x} of 'Other'"):
        find(issuer="Other")


# --- not found ---


def test_what_was_skipped_is_named_with_the_reason(authority: Authority, store: Path) -> None:
    put(store, authority.issue("old.app.example.com", start=-100), "old")
    put(store, authority.issue("new.app.example.com", start=100), "new")
    (store / "keyless.pem").write_bytes(authority.issue("none.app.example.com").certificate)
    (store / "broken.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    )
    (store / "locked.pfx").write_bytes(
        pfx(authority.issue("x.example.com"), BestAvailableEncryption(b"secret"))
    )
    (store / "ignored.txt").write_text("not looked at")
    put(store, authority.issue("unrelated.example.com", start=-100), "unrelated")
    with pytest.raises(CertificateNotFound) as caught:
        Certificate.find(subject="app.example", store=store)
    text = str(caught.value)
    assert caught.value.reason is TlsFailureReason.LOCAL_CERTIFICATE_NOT_FOUND
    assert f"no usable certificate for 'app.example' in {store}" in text
    for words in (
        r"CN=old.app.example.com",
        "old.crt has expired on ",
        "new.crt is not valid before ",
        "keyless.pem has no private key there",
        "broken.pem: not a certificate or key",
        "locked.pfx: needs a password",
    ):
        assert words in text
    assert "unrelated" not in text
    assert "ignored" not in text
    assert Certificate.find_or_none(subject="app.example", store=store) is None


def test_a_wrong_password_is_told_from_a_missing_one(authority: Authority, store: Path) -> None:
    key = load_pem_private_key(authority.issue("x.example.com").key, None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a"))
    (store / "x.key").write_bytes(locked)
    with pytest.raises(CertificateNotFound, match=r"x\.key: needs a password"):
        Certificate.find(subject="x", store=store)
    with pytest.raises(CertificateNotFound, match=r"x\.key: the password does not open it"):
        Certificate.find(subject="x", store=store, password="b")


def test_an_empty_and_a_missing_store_are_told_apart(store: Path) -> None:
    with pytest.raises(CertificateNotFound, match=r"no usable certificate for 'app' in [^;]*$"):
        Certificate.find(subject="app", store=store)
    with pytest.raises(CertificateNotFound, match=r"cannot read the certificate store .*gone"):
        Certificate.find(subject="app", store=store / "gone")


def test_the_authority_beside_its_certificates_is_not_taken_for_one(
    authority: Authority, store: Path
) -> None:
    put(store, authority.pair, "ca")
    with pytest.raises(CertificateNotFound, match="is an authority's"):
        Certificate.find(subject="Test", store=store)


def test_time_is_an_argument_and_need_not_matter(authority: Authority, store: Path) -> None:
    put(store, authority.issue("app.example.com", start=-100), "app")
    then = NOW - timedelta(days=90)
    Certificate.find(subject="app", store=store, at=then)
    Certificate.find(subject="app", store=store, valid_only=False)
    assert Certificate.find_or_none(subject="app", store=store) is None


@pytest.mark.parametrize("subject", ["", "  "])
def test_no_subject_is_no_search(store: Path, subject: str) -> None:
    with pytest.raises(ValueError, match="subject is empty"):
        Certificate.find(subject=subject, store=store)


# --- from files ---


def test_files_that_do_not_fit_together_are_told(authority: Authority, store: Path) -> None:
    put(store, authority.issue("a.example.com"), "a")
    put(store, authority.issue("b.example.com"), "b")
    assert Certificate.from_files(str(store / "a.crt"), str(store / "a.key")).names
    with pytest.raises(TlsFailure, match=r"no private key for CN=a\.example\.com") as caught:
        Certificate.from_files(store / "a.crt", store / "b.key")
    assert caught.value.reason is TlsFailureReason.LOCAL_CERTIFICATE_UNUSABLE
    with pytest.raises(TlsFailure, match="no private key"):
        Certificate.from_files(store / "a.crt")
    with pytest.raises(ConfigurationError, match="no certificate in"):
        Certificate.from_files(store / "a.key")
    with pytest.raises(ConfigurationError, match="gone"):
        Certificate.from_files(store / "gone.pem")


# --- its use ---


def test_it_may_be_used_by_the_host_that_it_names(authority: Authority) -> None:
    authority.certificate("app.example.com", "pool.example.com").usable_as("Pool.example.com")


@pytest.mark.parametrize(
    ("name", "start", "server", "client", "words"),
    [
        ("other.example.com", 0, True, True, r"is for other\.example\.com, not for app\."),
        ("*.example.com", 0, True, True, "is for no host, not for .*wildcards are not accepted"),
        ("app.example.com", -100, True, True, "has expired on .*renew it"),
        ("app.example.com", 100, True, True, "is not valid before"),
        ("app.example.com", 0, False, True, "not issued for server authentication"),
        ("app.example.com", 0, True, False, "not issued for client authentication"),
    ],
)
def test_an_unusable_one_is_told_before_anything_listens(
    authority: Authority, name: str, start: int, server: bool, client: bool, words: str
) -> None:
    certificate = authority.certificate(name, start=start, server=server, client=client)
    with pytest.raises(TlsFailure, match=words) as caught:
        certificate.usable_as("app.example.com")
    assert caught.value.reason is TlsFailureReason.LOCAL_CERTIFICATE_UNUSABLE


async def test_it_is_sent_with_its_chain_and_nothing_is_left_behind(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    certificate = authority.certificate(HOST)
    async with serving(server_context(certificate)) as there:
        await there.connect(authority.client())
    assert list(temporary.iterdir()) == []


async def test_the_authorities_between_it_and_the_root_are_sent_with_it(store: Path) -> None:
    root = trustme.CA()
    between = root.create_child_ca()
    leaf = between.issue_cert(HOST, "app.example.com")
    (store / "leaf.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (store / "leaf.key").write_bytes(leaf.private_key_pem.bytes())
    (store / "between.crt").write_bytes(between.cert_pem.bytes())
    (store / "root.crt").write_bytes(root.cert_pem.bytes())
    (store / "another.crt").write_bytes(trustme.CA().create_child_ca().cert_pem.bytes())
    certificate = Certificate.find(subject="app", store=store)
    assert len(certificate.chain) == 1
    async with serving(server_context(certificate)) as there:
        await there.connect(client_context(store / "root.crt"))


def test_the_key_shows_nowhere(authority: Authority) -> None:
    certificate = authority.certificate("app.example.com")
    assert repr(certificate).startswith("Certificate('CN=app.example.com', until 20")
    for text in (repr(certificate), str(certificate), f"{certificate!r:>200}"):
        assert "PRIVATE" not in text
        assert "Key" not in text


def test_the_stores_place_can_be_set(
    authority: Authority, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, authority.issue("app.example.com"), "app")
    monkeypatch.setenv("PERCHAT_CERTIFICATES", os.fspath(store))
    assert Certificate.find(subject="app").place == "app.crt"
