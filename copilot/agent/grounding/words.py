"""The words of trouble and of health, in groups: a statement of one group needs a fact of the same group. One table."""

from __future__ import annotations

import re

# group -> what says it. A sentence that uses one needs a cited fact that uses one.
GROUPS: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "memory": r"\boom\w*|out.of.memory|\bmemory\b|exit(?:ed)?(?: with)?(?: code)? 137",
        "crash": r"crash\w*|back-?off|\bexit(?:s|ed|code| code)?\b|exitcode|restart\w*|\bpanic\w*|terminated|segfault|keeps? (?:dying|ending)|\bdies\b|\bdied\b",
        "image": r"\bimages?\b|image|\bregistr(?:y|ies)\b|\bpull\w*|\btags?\b|manifest unknown",
        "pending": r"\bpending\b|\b(?:un)?schedul\w*|waiting|\bwaits?\b|no node|nodes? (?:are|is) available|not placed|unbound|fits? (?:on )?no",
        "evicted": r"evict\w*|preempt\w*",
        "refused": r"refus\w*|den(?:y|ies|ied)\b|forbid\w*|\bunauthor\w*|reject\w*|not allowed|not permitted|\b40[13]\b|disallow\w*|x509|violat\w*|may not|exceed\w*",
        "missing": r"missing|not found|notfound|does not exist|do not exist|doesn't exist|no such|nonexistent|non-existent|absent|deleted|\blacks?\b|without|\bunknown\b|no longer exists?|\bno\b|not exist|none|nothing|dangling|\b0\b",
        "timeout": r"time-?d? ?-?out\w*|timeouts?|deadline|did not answer|no answer|in time",
        "full": r"\bfull\b|pressure|no space|exceed\w*|quota|exhaust\w*|insufficient|too (?:few|many|little|much)|short|not enough|\blimits?\b|over\b|left\b|capacity|\broom\b",
        "slow": r"\bslow\w*|latenc\w*|throttl\w*|\bp9\d\b|takes? (?:too )?long|delay\w*",
        "certificate": r"certificat\w*|\bcerts?\b|x509|\btls\b|expir\w*",
        "dns": r"\bdns\b|resolv\w*|lookup|host ?names?|\bhosts?\b|nxdomain",
        "network": r"network\w*|connect\w*|unreachable|reach\w*|block\w*|polic(?:y|ies)|endpoints?|traffic|\broutes?\b|port\b|ports\b|service",
        "scaling": r"scal(?:e|ed|es|ing)\b|replicas?|autoscal\w*|\bhpa\b|horizontalpodautoscaler",
        "probe": r"prob(?:e|es|ing)\b|liveness|readiness|health ?-?check\w*",
        "volume": r"volumes?|\bpvcs?\b|persistentvolume\w*|\bmount\w*|disks?|storage\w*|claims?",
        "config": r"config\w*|secrets?|\bkeys?\b|environment|env\b|settings?|variables?",
        "change": r"chang\w*|roll(?:ed|s|ing|out|back)\w*|\bdeploy(?:ed|s|ing)\b|updat\w*|edit\w*|revision|upgrad\w*|created|new(?:er|est)?\b|set(?: by)?\b|written|→",
        "node": r"\bnodes?\b|kubelet|\bdrain\w*|cordon\w*|unschedulable|taint\w*|notready",
        "quota": r"quota\w*|limitrange|limit range",
        "permission": r"\brbac\b|role\w*|permission\w*|\brights?\b|may\b|can\b|forbid\w*|access",
        "delete": r"delet\w*|remov\w*|gone|finalizer\w*|prun\w*|\bend(?:s|ed)?\b",
        "uses": r"\bus(?:es?|ed|ing)\b|mount\w*|\breads?\b|refer\w*|acts? as|needs?|depends?|\bruns?\b|holds?|names\b|calls?|connects?|asks?|\bclass\b|top\b|of \d",
        "depends": r"depend\w*|needs?|rel(?:y|ies)|suffer\w*|\buses?\b|affect\w*|calls?|connects?|waits?|routes?|traffic|rests? on|through|mounts?|\breads?\b",
        "owns": r"\bown(?:s|ed|er|ers)?\b|belongs?|\bof\b|manag\w*|made|creat\w*",
        "connects": r"connect\w*|calls?|talks?|dial\w*|reach\w*|traffic|http|tcp",
        "created": r"creat\w*|\bmade\b|start\w*|\bnew\b|scheduled|pulled|set by|written|appl(?:y|ied)",
    }.items()
}
# Groups whose words are also plain English: they bind only by their strong words.
STRONG: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "memory": r"\boom\w*|out.of.memory|memory",
        "crash": r"crash\w*|back-?off|\bpanic\w*|segfault|restart(?:s|ed|ing)\b|exit(?:s|ed) |exit code|keeps? dying",
        "image": r"\bimages?\b|\bregistry\b|\bpull(?:s|ed|ing)?\b|\bimage tag",
        "pending": r"\bpending\b|unschedul\w*|not scheduled",
        "evicted": r"evict\w*|preempt\w*",
        "refused": r"refus\w*|denied|denies|forbidden|unauthori\w*|reject\w*",
        "missing": r"\bmissing\b|not found|does not exist|doesn't exist|nonexistent|absent",
        "timeout": r"timed out|timeouts?|deadline",
        "full": r"\bfull\b|pressure|no space|exhaust\w*|insufficient|out of (?:disk|space|cpu)",
        "slow": r"\bslow\w*|latenc\w*|throttl\w*",
        "certificate": r"certificat\w*|\bcerts?\b|x509|\btls\b|expir\w*",
        "dns": r"\bdns\b|name resolution|nxdomain",
        "network": r"network\w*|unreachable|connection|blocked|blocks|traffic|endpoints?",
        "scaling": r"scaled|scaling|scales|autoscal\w*|\bhpa\b|replicas?",
        "probe": r"\bprobes?\b|liveness|readiness|health ?-?check\w*",
        "volume": r"volumes?|\bpvcs?\b|\bmount(?:s|ed)?\b|disks?|storage",
        "config": r"config\w*|secrets?\b|environment variables?",
        "change": r"changed|changes\b|rolled|rollout|rollback|upgraded|edited|updated|revision",
        "node": r"\bnodes?\b|kubelet|\bdrain\w*|cordon\w*|taint\w*",
        "quota": r"quota\w*|limit range",
        "permission": r"\brbac\b|permissions?|\broles?\b|\brights\b",
        "delete": r"deleted|removed|deletes|finalizer\w*",
        "uses": r"\buses\b|\bmounts\b|\breads\b|is used by|refers to",
        "depends": r"depends? on|relies on|rely on|needs\b|dependency|dependencies",
        "owns": r"\bowns\b|owned by|belongs to",
        "connects": r"connects? to|\bcalls\b|talks to",
        "created": r"\bcreated\b|\bcreates\b",
    }.items()
}  # fmt: skip
RELATIONS = (
    "uses",
    "depends",
    "owns",
    "connects",
    "created",
    "delete",
)  # said between two: who, and to whom, must be read
_NEGATION = r"(?:\b(?:not|never|no|none|cannot|neither|nor|nothing|without|isn't|aren't|wasn't|doesn't|don't|can't|won't|no longer|hardly|un)\b|n't\b|\b0 of \d+|\bzero\b|=false\b|: false\b|\b0/\d+)"
GOOD = re.compile(
    r"\b(?:healthy|ready|running|available|up|fine|ok|okay|working|works|normal|normally|succeed\w*|successful\w*|complete[ds]?|bound|active|reachable|serving|recovered|stable|well|allowed|fits?|enough|all right)\b",
    re.IGNORECASE,
)
BAD = re.compile(
    r"\b(?:unhealthy|unready|notready|down|unavailable|broken|failing|failed|fails?|failures?|faults?|errors?|crash\w*|oom\w*|killed|pending|stuck|evicted|unreachable|refused|refuses|denied|missing|unschedulable|terminat(?:ed|ing)|degraded|blocked|blocks|panic\w*|wrong|invalid|expired|insufficient|backoff|back-off|\w+backoff|imagepull\w*|errimage\w*|createcontainer\w*error|cannot|lost|gone|dead|ill|trouble|problem|exceeded|exceeds|full|dangling|timed out|timeout|unknown|restarting)\b|\bout of \w+|not found|does not exist|do not exist|\bno endpoints?\b",
    re.IGNORECASE,
)
NEGATED = re.compile(_NEGATION, re.IGNORECASE)
CAUSAL = re.compile(
    r"\b(?:because|caused|causes|due to|root cause|the cause|reason (?:is|for)|leads? to|led to|results? (?:in|from)|so that|therefore|hence|owing to|triggered|which is why)\b",
    re.IGNORECASE,
)
COUNTED = re.compile(r"^(?:pod|replica|node|container|restart|deployment|service|job|event|line|object|namespace|volume|endpoint|core|cpu|gpu|time|error|image|claim|statefulset|daemonset|ingress|secret|configmap|revision|change|cause|percent|minute|hour|second|day)s?$")  # fmt: skip
NUMBER_WORDS = {
    "zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
    "eleven": "11", "twelve": "12", "twice": "2", "dozen": "12", "twenty": "20", "thirty": "30", "hundred": "100", "thousand": "1000",
}  # fmt: skip
# Words that look like names or reasons and are none.
ENGLISH = frozenset(
    [
        "out-of-memory",
        "read-only",
        "up-to-date",
        "long-running",
        "re-created",
        "well-known",
        "so-called",
        "one-off",
        "non-zero",
        "built-in",
        "end-to-end",
        "in-cluster",
        "cluster-wide",
        "cluster-scoped",
        "namespace-wide",
        "short-lived",
        "at-risk",
        "non-existent",
        "crash-looping",
        "crash-loop",
        "back-off",
        "re-run",
        "re-deploy",
        "two-step",
        "first-time",
        "run-time",
        "real-time",
        "step-by-step",
        "follow-up",
        "rolled-back",
        "roll-back",
        "roll-out",
        "misconfigured",
        "and/or",
        "read/write",
        "i/o",
        "n/a",
        "e.g",
        "i.e",
        "etc",
        "vs",
        "client-side",
        "server-side",
        "high-level",
        "low-level",
        "memory-limited",
        "image-pull",
        "time-out",
        "health-check",
        "start-up",
        "self-healing",
        "fine-grained",
        "pre-existing",
        "as-is",
        "per-pod",
        "per-node",
        "mis-typed",
        "misspelt",
        "typo-like",
        "newly-created",
    ]
)
ACRONYMS = frozenset(
    [
        "CPU",
        "GPU",
        "DNS",
        "API",
        "HTTP",
        "HTTPS",
        "TCP",
        "UDP",
        "TLS",
        "SSL",
        "IP",
        "URL",
        "YAML",
        "JSON",
        "RBAC",
        "OOM",
        "PVC",
        "PV",
        "HPA",
        "PDB",
        "CRD",
        "CNI",
        "CSI",
        "TTL",
        "ID",
        "OK",
        "RAM",
        "SSH",
        "UID",
        "NOT",
        "NO",
        "AND",
        "OR",
        "IS",
        "ALL",
        "II",
        "III",
        "FAQ",
        "SRE",
        "UTC",
        "GMT",
    ]
)
# What a sentence may be about without naming an object.
GENERIC = frozenset(
    ["it", "this", "that", "these", "those", "there", "they", "he", "she", "we", "i", "you", "which", "what", "who", "everything", "nothing", "something", "anything", "everyone", "all", "both", "each", "one", "none", "some", "many", "most", "others", "other", "rest", "any", "another", "its", "their", "the", "a", "an", "and", "or", "but", "so", "then", "here", "now", "cluster", "namespace", "namespaces", "pod", "pods", "container", "containers", "deployment", "deployments", "service", "services", "node", "nodes", "image", "images", "replica", "replicas", "replicaset", "statefulset", "daemonset", "job", "jobs", "cronjob", "ingress", "volume", "volumes", "claim", "claims", "pvc", "secret", "secrets", "configmap", "configmaps", "key", "keys", "tag", "tags", "registry", "cause", "causes", "root", "reason", "reasons", "problem", "problems", "issue", "issues", "error", "errors", "failure", "failures", "fault", "trouble", "symptom", "symptoms", "evidence", "fact", "facts", "answer", "question", "diagnosis", "verdict", "confidence", "step", "steps", "fix", "change", "changes", "rollout", "revision", "version", "update", "logs", "log", "line", "lines", "event", "events", "message", "messages", "probe", "probes", "health", "check", "checks", "status", "state", "phase", "condition", "conditions", "traffic", "endpoint", "endpoints", "port", "ports", "network", "policy", "policies", "dns", "memory", "cpu", "gpu", "gpus", "disk", "storage", "quota", "limit", "limits", "request", "requests", "capacity", "room", "scheduler", "kubelet", "api", "server", "controller", "autoscaler", "hpa", "budget", "process", "program", "application", "app", "workload", "workloads", "database", "connection", "connections", "host", "address", "certificate", "token", "account", "role", "roles", "right", "rights", "user", "users", "person", "operator", "data", "value", "values", "field", "fields", "object", "objects", "command", "commands", "restart", "restarts", "number", "count", "time", "start", "onset", "end", "impact", "effect", "result", "results", "run", "runs", "dependency", "dependencies", "dependant", "dependants", "owner", "owners", "runbook", "runbooks", "page", "pages", "document", "documents", "name", "names", "list", "next", "first", "second", "third", "last", "main", "only", "same", "new", "old", "previous", "current", "following", "above", "below", "system", "side", "part", "way", "case", "point"]
)  # fmt: skip
