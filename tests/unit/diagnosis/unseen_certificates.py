"""Described failures by certificates that have ended."""

from __future__ import annotations

import base64

from tests.unit.diagnosis.unseen import Case, base, env, put, quiet, situation, svc

_CLIENT = "Error: certificate has expired\n    at TLSSocket.onConnectSecure (node:_tls_wrap:1674:34) {\n  code: 'CERT_HAS_EXPIRED'\n}\n"


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def certificate(begins: str, ends: str) -> str:
    """The PEM of a certificate whose fields besides the validity are empty."""
    validity = _der(0x30, _der(0x17, begins.encode()), _der(0x17, ends.encode()))
    name = _der(0x30, _der(0x31, _der(0x30, _der(0x06, b"\x55\x04\x03"), _der(0x0C, b"ca.example" * 14))))
    body = _der(0x30, _der(0xA0, _der(0x02, b"\x02")), _der(0x02, b"\x01"), _der(0x30, b""), name, validity, name)
    text = base64.b64encode(_der(0x30, body, _der(0x30, b""), _der(0x03, b"\x00"))).decode()
    lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


OLD = certificate("240101000000Z", "260101000000Z")
NEW = certificate("250101000000Z", "350101000000Z")


def _hook(pem: str) -> Case:
    made = base()
    svc(put(made, "guard"), "guard", 443)
    hook = {
        "name": "guard.example.com",
        "clientConfig": {
            "service": {"name": "guard", "namespace": "shop"},
            "caBundle": base64.b64encode(pem.encode()).decode(),
        },
        "failurePolicy": "Fail",
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
    }
    return made.add("ValidatingWebhookConfiguration", "guard", api="admissionregistration.k8s.io/v1", webhooks=[hook])


@situation("ValidatingWebhookConfiguration guard", "expired", "cert.")
def the_authority_of_a_webhook_has_expired() -> Case:
    return _hook(OLD)


@quiet
def a_webhook_whose_authority_counts() -> Case:
    return _hook(NEW)


@quiet
def a_bundle_with_one_old_authority_among_new_ones() -> Case:
    return _hook(OLD + NEW)


@situation("Secret shop/auth-tls", "expired", "cert.")
def the_secret_that_the_server_mounts_is_named() -> Case:
    made = base().add("Secret", "auth-tls", "shop", type="kubernetes.io/tls", dataKeys=["tls.crt", "tls.key"])
    svc(put(made, "auth", spec={"volumes": [{"name": "t", "secret": {"secretName": "auth-tls"}}]}), "auth", 443)
    return put(made, "api", containers={"main": {"env": env(AUTH_URL="https://auth")}}, states="crash:1", logs=_CLIENT)
