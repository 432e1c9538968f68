"""With which certificate does the bundled exchange speak TLS? One of its own, made on first use.

Clients that insist on `wss://` trust it as their authority. The key is for this machine alone: it
names `localhost`, the loopback addresses and the address listened at.
"""

from __future__ import annotations

import ipaddress
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography import x509

CERTIFICATE_NAME: Final = "certificate.pem"
KEY_NAME: Final = "key.pem"
_VALID_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_VALID_UNTIL: Final = datetime(2120, 1, 1, tzinfo=UTC)
"""No clock is read for it, and no demo outlives it."""


def server_context(folder: Path, host: str) -> ssl.SSLContext:
    """Load the certificate kept in a folder, made there if there is none.

    Raises:
        ConfigurationError: `cryptography` is not installed, or the folder holds no usable pair.
    """
    certificate, key = folder / CERTIFICATE_NAME, folder / KEY_NAME
    try:
        if not (certificate.exists() and key.exists()):
            folder.mkdir(parents=True, exist_ok=True)
            made = _made(host)
            key.touch(mode=0o600)
            key.write_bytes(made[1])
            certificate.write_bytes(made[0])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"{folder}: no certificate to serve TLS with ({error}); make the folder writable, or "
            f"remove {CERTIFICATE_NAME} and {KEY_NAME} from it to have new ones made"
        ) from error
    return context


def _made(host: str) -> tuple[bytes, bytes]:
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
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
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
