"""What a node's own journal says of why it is ill: the kubelet's, the runtime's and the kernel's lines, the deepest reason first.

A line counts only for a node that is not ready, whose service is down or whose pods are in trouble.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.pods import condition
from copilot.diagnosis.rules.nodes.units import node_of
from copilot.diagnosis.view import View
from copilot.model import Evidence, Ref, text

MAX_LINES = 1500  # newest lines read of each journal


def _cause(rule: str, title: str, step: str, *, yields: bool = False, brings_about: tuple[str, ...] = ()) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind="Node",
        fields=("systemctl status", "journalctl -u kubelet", "Node.status.conditions[Ready]"),
        yields=yields,
        brings_about=brings_about,
        steps=(step,),
        citation="pkg/kubelet; k8s.io/client-go/util/certificate",
    )


CLOCK = _cause(
    "node.clock", "The clock of a node is wrong", "Set the clock, and look at the node's time synchronisation"
)
EXPIRED = _cause(
    "node.cert.expired",
    "The kubelet's certificate has expired",
    "Renew the kubelet's certificate, or join the node again",
)
CREDENTIALS = _cause(
    "node.credentials",
    "The API server does not accept the node's credentials",
    "Compare the kubelet's kubeconfig and CA with the cluster's, or join the node again",
)
NO_API = _cause(
    "node.apiserver.unreachable",
    "The node does not reach the API server",
    "Test the way from the node to the API server's address",
    yields=True,
)
KERNEL = _cause(
    "node.kernel",
    "The kernel of a node reports a fault",
    "Read the kernel's log on the node, and drain the node",
    brings_about=("app.disk.read_only", "pod.create.", "sandbox.", "cuda."),
)
JOURNAL_CAUSES = (CLOCK, EXPIRED, CREDENTIALS, NO_API, KERNEL)


class Word(msgspec.Struct, frozen=True):
    """A line of a journal that names a reason."""

    cause: Cause
    what: str
    proof: Evidence


class _Form(msgspec.Struct, frozen=True):
    cause: Cause
    pattern: re.Pattern[str]
    what: str


def _forms(*entries: tuple[Cause, str, str]) -> tuple[_Form, ...]:
    return tuple(_Form(cause, re.compile(pattern, re.IGNORECASE), what) for cause, pattern, what in entries)


# The deepest first: a clock that is years behind also makes certificates invalid.
_KUBELET = _forms(
    (CLOCK, r"current time (\S+) is before (\S+)", "its clock says {1}, before the certificates begin ({2})"),
    (CLOCK, r"clock (?:skew|is not synchroni|drift)|system clock (?:wrong|unsynchroni)|NTP.{0,40}not synchroni", "its clock is not synchronised"),
    (EXPIRED, r"certificate in (\S+) is expired: ([\d\-]+)", "the client certificate in {1} expired on {2}"),
    (EXPIRED, r"current time \S+ is after ([^\s\"\\,]+)", "a certificate expired at {1}"),
    (EXPIRED, r"(?:certificate|cert) (?:has|is) expired(?! or is not)|expired certificate", "a certificate has expired"),
    (CREDENTIALS, r"x509: certificate signed by unknown authority", "it does not trust the API server's certificate (unknown authority)"),
    (CREDENTIALS, r"Unable to (?:register|update) node.{0,200}(?:Unauthorized|forbidden)|error: You must be logged in|failed to run Kubelet: .{0,200}Unauthorized|err=\"?Unauthorized", "the API server answers Unauthorized"),
    (NO_API, r"(?:https://|dial tcp )(\S{1,120}?:\d{2,5})\S*.{0,200}?(connection refused|i/o timeout|no route to host|network is unreachable|context deadline exceeded)", "the API server at {1} does not answer ({2})"),
    (NO_API, r"lookup (\S{1,120}) on .{0,80}(no such host|i/o timeout|server misbehaving)", "it cannot resolve the API server's name {1}"),
)  # fmt: skip
_KERNEL = _forms(
    (KERNEL, r"NVRM: Xid \(.{1,60}?\): (\d+)(?:, .{0,60})?", "the GPU driver reports Xid {1}"),
    (KERNEL, r"(?:EXT4-fs|XFS|BTRFS).{0,120}(?:remounting filesystem read-only|shutting down filesystem|forced readonly)", "a file system was made read-only after errors"),
    (KERNEL, r"(?:blk_update_request: |critical )?(?:I/O|medium) error, dev (\w+)", "disk {1} reports errors"),
    (KERNEL, r"nf_conntrack: (?:nf_conntrack: )?table full", "the connection tracking table is full, so packets are dropped"),
    (KERNEL, r"task (\S+) blocked for more than \d+ seconds", "task {1} hangs in the kernel"),
    (KERNEL, r"neighbour: (?:arp_cache|ndisc_cache): neighbor table overflow", "the neighbour table overflows, so connections fail"),
    (KERNEL, r"mce: \[Hardware Error\]|Hardware Error|EDAC .{0,60}UE", "the hardware reports an error"),
    (KERNEL, r"soft lockup - CPU#\d+ stuck|NMI watchdog", "a CPU is stuck in the kernel"),
)  # fmt: skip
_KERNEL_UNITS = ("kernel", "dmesg", "journal")
_KUBELET_UNITS = ("kubelet", "journal", "k3s", "k3s-agent", "rke2-agent")


def journals(view: View) -> Iterator[tuple[str, str, Sequence[str], str]]:
    """(node, unit, lines, source) of every journal and unit status there is."""
    for service in view.snapshot.services:
        yield node_of(view, service), service.unit.removesuffix(".service"), service.text.splitlines(), service.source
    for log in view.snapshot.logs:
        if not log.namespace and log.container:
            yield log.pod, log.container, log.text.splitlines()[-MAX_LINES:], log.source


def words_of(view: View) -> dict[str, Word]:
    """For each node the deepest reason that its journals name."""
    return view.once("node journal", lambda: _words(view))


def _words(view: View) -> dict[str, Word]:
    found: dict[str, tuple[int, Word]] = {}
    for node, unit, lines, source in journals(view):
        forms = (_KUBELET if unit in _KUBELET_UNITS else ()) + (_KERNEL if unit in _KERNEL_UNITS else ())
        for depth, form in enumerate(forms):
            hit = next(
                (pair for line in reversed(lines) if (pair := (line, form.pattern.search(line[:2000])))[1]), None
            )
            if hit is None or hit[1] is None or (node in found and found[node][0] <= depth):
                continue
            groups = ("", *(group or "" for group in hit[1].groups()))
            what = re.sub(r"\{(\d)\}", lambda m, g=groups: g[int(m[1])][:120], form.what)  # type: ignore[misc]
            proof = Evidence(object=Ref("Node", "", node), path=f"journal of {unit}", text=hit[0].strip()[:300], source=source)  # fmt: skip
            found[node] = (depth, Word(form.cause, what, proof))
            break
    return {node: word for node, (_, word) in found.items()}


def is_ill(view: View, node: str) -> bool:
    """Whether the node says, or is said, not to be ready."""
    resource = view.graph.get(Ref("Node", "", node))
    return resource is not None and text(condition(resource, "Ready"), "status") in ("False", "Unknown")
