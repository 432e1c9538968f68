"""With which certificate does the bundled exchange speak TLS? One of its own, made on first use.

Clients that insist on `wss://` trust it as their authority. The key is for this machine alone: it
names `localhost`, the loopback addresses and the address listened at. A pair that expires within
a month is made anew.
"""

from __future__ import annotations

import ipaddress
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.errors import ConfigurationError
from trader.domain.units import MICROSECOND

if TYPE_CHECKING:
    from cryptography import x509

CERTIFICATE_NAME: Final = "certificate.pem"
KEY_NAME: Final = "key.pem"
VALID_DAYS: Final = 825
"""The longest that every client accepts, also of an authority that its user trusts."""

RENEWED_DAYS: Final = 30
"""So long before its end a certificate is replaced at the next start."""


class Tls(msgspec.Struct, frozen=True):
    """Where the pair is kept, and what time it is (UTC nanoseconds of the wall)."""

    folder: Path
    at: int


def server_context(tls: Tls, host: str) -> ssl.SSLContext:
    """Load the certificate kept in a folder, made there if there is none that is valid.

    Raises:
        ConfigurationError: `cryptography` is not installed, or the folder holds no usable pair.
    """
    certificate, key = tls.folder / CERTIFICATE_NAME, tls.folder / KEY_NAME
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=tls.at // MICROSECOND)
    try:
        if not (certificate.exists() and key.exists()) or _ends(certificate, now):
            tls.folder.mkdir(parents=True, exist_ok=True)
            made = _made(host, now)
            key.unlink(missing_ok=True)
            key.touch(mode=0o600, exist_ok=False)
            key.write_bytes(made[1])
            certificate.write_bytes(made[0])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"{tls.folder}: no certificate to serve TLS with ({error}); make the folder writable, "
            f"or remove {CERTIFICATE_NAME} and {KEY_NAME} from it to have new ones made"
        ) from error
    return context


def _ends(certificate: Path, now: datetime) -> bool:
    """Tell whether a certificate is to be replaced; one that cannot be read is not ours to judge.

    Where `cryptography` is missing, no new one could be made either.
    """
    try:
        from cryptography import x509

        held = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (ImportError, ValueError):
        return False
    return bool(held.not_valid_after_utc < now + timedelta(days=RENEWED_DAYS))


def _made(host: str, now: datetime) -> tuple[bytes, bytes]:
    """Make a certificate that is its own authority, and its key, both as PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise ConfigurationError(
            "exchange: TLS needs the package `cryptography`; install trader[tls]"
        ) from error
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "trader exchange")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _names(host: str) -> list[x509.GeneralName]:
    from cryptography import x509

    addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    hosts = ["localhost"]
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        host = ""
        if address not in addresses and not address.is_unspecified:
            addresses.append(address)
    if host and host not in hosts:
        hosts.append(host)
    return [*map(x509.DNSName, hosts), *map(x509.IPAddress, addresses)]
