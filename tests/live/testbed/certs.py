"""Certificates for one cluster: an authority, a serving and a proxy pair, and the key that signs service account tokens.

Promise: keys are made anew for every cluster, readable by the owner only, and never leave its state folder.
"""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

LIFETIME = dt.timedelta(days=30)  # longer than any test bed lives
CLOCK_SLACK = dt.timedelta(hours=1)
KEY_BITS = 2048
SERVICE_IP = "10.96.0.1"  # first address of the service range: `kubernetes.default`
PROXY_NAME = "front-proxy"
DNS_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True)
class Pki:
    """Files of one cluster's certificates."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Certificate that clients trust."""
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> Path:
        """Serving certificate of the API server and of the simulated kubelets."""
        return self.folder / "serving.crt"

    @property
    def key(self) -> Path:
        """Private key of the serving certificate."""
        return self.folder / "serving.key"

    @property
    def proxy(self) -> Path:
        """Certificate with which the API server speaks to aggregated APIs; its key lies beside it."""
        return self.folder / "front-proxy.crt"

    @property
    def service_accounts(self) -> Path:
        """Private key that signs service account tokens."""
        return self.folder / "service-accounts.key"


def make(folder: Path) -> Pki:
    """Write a fresh set of certificates."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pki = Pki(folder)
    folder.mkdir(parents=True, exist_ok=True)

    def new_key(path: Path) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        )
        return key

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = dt.datetime.now(dt.UTC)

    def draft(subject: str, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("testbed-ca"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SLACK)
            .not_valid_after(now + LIFETIME)
        )

    addresses = [x509.IPAddress(ipaddress.ip_address(each)) for each in ("127.0.0.1", SERVICE_IP)]
    names = x509.SubjectAlternativeName([*(x509.DNSName(each) for each in DNS_NAMES), *addresses])
    authority_key = new_key(folder / "ca.key")
    serving_key = new_key(pki.key)
    proxy_key = new_key(pki.proxy.with_suffix(".key"))
    new_key(pki.service_accounts)
    authority = draft("testbed-ca", authority_key).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    serving = draft("testbed", serving_key).add_extension(names, critical=False)
    proxy = draft(PROXY_NAME, proxy_key)
    for path, builder in ((pki.authority, authority), (pki.certificate, serving), (pki.proxy, proxy)):
        path.write_bytes(builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return pki
