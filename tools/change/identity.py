"""Says which cluster a connection leads to and who the person is, so that a plan is good for one cluster and one person."""

from __future__ import annotations

import hashlib
import os
import pwd
from pathlib import Path
from typing import Any

from copilot.model import CopilotError, text, texts
from guardrails.canonical import canonical_json, sha256_hex
from guardrails.plan import ClusterId, Requester
from tools.cluster.kubeconfig import Connection
from tools.cluster.transport import Transport


def server_ca_sha256(connection: Connection) -> str:
    """The SHA-256 of the CA certificates that the server's must come from; "" when the kubeconfig gives none."""
    configuration: Any = connection.client.configuration
    content = configuration.ca_cert_data
    if not content and configuration.ssl_ca_cert:
        try:
            content = Path(configuration.ssl_ca_cert).read_bytes()
        except OSError as error:
            raise CopilotError(f"The CA file of {connection.server} cannot be read: {error.strerror}") from error
    if not content:
        return ""
    return hashlib.sha256(content.encode() if isinstance(content, str) else bytes(content)).hexdigest()


def identify_cluster(reader: Transport) -> ClusterId:
    """Which cluster this is. Its uid is "" when the namespace kube-system may not be read."""
    connection = reader.connection
    answer = reader.get("/api/v1/namespaces/kube-system")
    return cluster_at(connection, text(answer.json(), "metadata", "uid") if answer.ok else "")


def cluster_at(connection: Connection, uid: str) -> ClusterId:
    """The cluster of a known uid behind a connection."""
    return ClusterId(uid, server_ca_sha256(connection), connection.server, connection.name)


def local_person() -> Requester:
    """The person as this machine knows them; who the cluster takes them for is not asked."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container without a passwd entry
        name = str(number)
    return Requester(iss="os", sub=name, k8s_user="", groups_sha="")


def requester_of(person: Requester, user_info: Any) -> Requester:
    """The same person with the name and groups that the cluster answered."""
    groups = sha256_hex(canonical_json(sorted(texts(user_info, "groups"))))
    return Requester(person.iss, person.sub, text(user_info, "username"), groups)
