"""
What an administrator registered of an application, as the application knows it.

The values have to equal the server's (``perchat app show``), or it refuses each with
a reason of its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from perchat.errors import ConfigurationError, ProvisioningError, ProvisioningReason
from perchat.model.application import checked_gruu, checked_port
from perchat.model.uri import SipUri
from perchat.net.names import host_name

if TYPE_CHECKING:
    from perchat.net.certificates import Certificate

__all__ = ["TrustedApplication"]

_FIELDS = frozenset({"user_agent", "fqdn", "port", "gruu"})
_URN = "urn:application:"
_WHERE = frozenset({"certificate", "key", "subject", "store"})


@dataclass(frozen=True, slots=True)
class TrustedApplication:
    """
    An application that is known by its certificate.

    Attributes:
        user_agent: Its name, as registered; a version and more may follow.
        fqdn: The host it runs on; the certificate carries it.
        port: Where it listens, 1 to 65535.
        gruu: Its own address, as registration printed it; blanks and line breaks are
            taken out.
        certificate: Shown to servers, and to who connects.

    """

    user_agent: str
    fqdn: str
    port: int
    gruu: SipUri | str
    certificate: Certificate

    def __post_init__(self) -> None:
        """Check all but the certificate, which is when the platform starts; ValueError."""
        from perchat.net.certificates import Certificate  # late: only applications show one

        if not self.user_agent.strip() or not self.user_agent.isprintable():
            raise ValueError(f"not the name of an application: {self.user_agent!r}")
        fqdn = host_name(self.fqdn)
        if fqdn is None:
            raise ValueError(f"not the name of a host: {self.fqdn!r}")
        checked_port(self.port)
        if not isinstance(self.certificate, Certificate):
            raise TypeError(f"not a certificate: {type(self.certificate).__name__}")
        object.__setattr__(self, "fqdn", fqdn)
        object.__setattr__(self, "gruu", checked_gruu(self.gruu))

    @classmethod
    def provisioned(cls, application_id: str, *, folder: Path | str | None = None) -> Self:
        """
        Read what was provisioned on this machine for an application, by its id.

        The id is its name, or ``urn:application:NAME`` as ``New-CsTrustedApplication`` has it,
        in any case. Provisioned is what lies in the folder as ``NAME.toml``, which
        ``perchat app add NAME --issue`` writes.

        Args:
            application_id: Which application.
            folder: Where to look; ``PERCHAT_APPLICATIONS`` without it, or
                ``~/.config/perchat/applications``.

        Raises:
            ProvisioningError: There is nothing for that id, the folder cannot be read, or
                what it holds cannot be used; ``reason`` tells which.
            CertificateNotFound: There is no certificate for ``subject``.
            TlsFailure: The certificate has no key.

        """
        place = _applications() if folder is None else Path(folder)
        try:
            return cls.from_file(_provisioned(application_id, place))
        except ConfigurationError as error:
            raise ProvisioningError(str(error)) from error

    @classmethod
    def from_file(cls, file: Path | str) -> Self:
        """
        Read a TOML file, as ``perchat app add --issue`` writes it.

        It holds ``user_agent``, ``fqdn``, ``port`` and ``gruu``, and where the certificate
        is: ``certificate``, and ``key`` if that is apart, or ``subject``, and ``store`` if
        it is not the machine's own. Files are looked for from the file's folder.

        Raises:
            ConfigurationError: The file or a value of it cannot be used.
            CertificateNotFound: There is no certificate for ``subject``.
            TlsFailure: The certificate has no key.

        """
        path = Path(file)
        values = _read(path)
        certificate = _certificate(path, values)
        try:
            return cls(certificate=certificate, **{name: values[name] for name in _FIELDS})
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"{path}: {error}") from error


def _applications() -> Path:
    if chosen := os.environ.get("PERCHAT_APPLICATIONS"):
        return Path(chosen)
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "perchat" / "applications"


def _provisioned(application_id: str, folder: Path) -> Path:
    name = application_id.strip().lower().removeprefix(_URN)
    try:
        found = {path.stem.lower(): path for path in folder.iterdir() if path.suffix == ".toml"}
    except OSError as error:
        raise ProvisioningError(
            f"cannot look for application {application_id!r} in {folder}: {error.strerror}",
            reason=ProvisioningReason.INACCESSIBLE,
        ) from error
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise ProvisioningError(
            f"no application {application_id!r} in {folder}, which has: {known};"
            " put there what perchat app add --issue writes",
            reason=ProvisioningReason.APPLICATION_NOT_FOUND,
        )
    return found[name]


def _read(path: Path) -> dict[str, Any]:
    import tomllib  # late, as above

    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    if missing := sorted(_FIELDS - values.keys()):
        raise ConfigurationError(f"{path} lacks {', '.join(missing)}")
    if unknown := sorted(values.keys() - _FIELDS - _WHERE):
        raise ConfigurationError(f"{path}: no such setting: {', '.join(unknown)}")
    return values


def _certificate(path: Path, values: dict[str, Any]) -> Certificate:
    from perchat.net.certificates import Certificate  # late, as above

    here = {
        name: path.parent / str(values[name]) for name in (_WHERE - {"subject"}) & values.keys()
    }
    if "certificate" in here:
        return Certificate.from_files(here["certificate"], here.get("key"))
    if "subject" in values:
        return Certificate.find(subject=str(values["subject"]), store=here.get("store"))
    raise ConfigurationError(f"{path} names neither certificate nor subject")
