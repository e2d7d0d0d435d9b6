"""A certificate authority in a folder, for a cluster that lives on one machine and no longer than that folder."""

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=730)  # a forgotten node outlives a year; its keys never leave the machine
BACKDATED = timedelta(hours=1)  # a machine that just woke may step its clock back


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Issue certificates; those that exist are kept, so that starting again changes nobody's identity."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.pair = Pair(folder / "ca.crt", folder / "ca.key")
        if not self.pair.certificate.exists():
            key = _new_key(self.pair.key)
            name = _name("prime-jennie-local", ())
            constraints = x509.BasicConstraints(ca=True, path_length=0)
            certificate = _builder(name, name, key).add_extension(constraints, critical=True)
            _write(self.pair.certificate, certificate.sign(key, hashes.SHA256()))
        self._certificate = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def client(self, file: str, user: str, groups: Iterable[str] = ()) -> Pair:
        """Issue what the API server takes for `user`, a member of `groups`."""
        return self._issue(file, _name(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def server(self, file: str, names: Iterable[str]) -> Pair:
        """Issue for a server that is reached under these host names and IP addresses."""
        alternatives = tuple(_alternative(name) for name in names)
        return self._issue(file, _name(file, ()), ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def signing_key(self, file: str) -> Path:
        """Make a bare key, with which the API server signs the tokens of service accounts."""
        path = self._folder / f"{file}.key"
        if not path.exists():
            _new_key(path)
        return path

    def _issue(
        self, file: str, name: x509.Name, usage: x509.ObjectIdentifier, alternatives: tuple[x509.GeneralName, ...]
    ) -> Pair:
        pair = Pair(self._folder / f"{file}.crt", self._folder / f"{file}.key")
        if pair.certificate.exists():
            return pair
        key = _new_key(pair.key)
        builder = _builder(name, self._certificate.subject, key)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        authority = serialization.load_pem_private_key(self.pair.key.read_bytes(), None)
        assert isinstance(authority, ec.EllipticCurvePrivateKey)  # noqa: S101
        _write(pair.certificate, builder.sign(authority, hashes.SHA256()))
        return pair


def _name(user: str, groups: Iterable[str]) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + VALID)
    )


def _new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    # Not PKCS 8: the API server takes its tokens' public key from this file, too, and reads it in this form alone.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    _write_bytes(path, private)
    return key


def _write(path: Path, certificate: x509.Certificate) -> None:
    _write_bytes(path, certificate.public_bytes(serialization.Encoding.PEM))


def _write_bytes(path: Path, content: bytes) -> None:
    """Write whole or not at all, readable by the owner alone from the first byte on."""
    part = path.with_suffix(path.suffix + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    part.rename(path)
