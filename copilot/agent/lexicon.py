"""The words of questions as data: what a person calls a kind, a state, a wish. Everything is lower case."""

from __future__ import annotations

import re
from enum import Enum


class Intent(Enum):
    """What the person wants to know."""

    WHY = "why"
    HEALTH = "health"
    COUNT = "count"
    LIST = "list"
    WHERE = "where"
    STATUS = "status"
    DEPENDANTS = "dependants"
    DEPENDENCIES = "dependencies"
    OWNER = "owner"
    CHANGED = "changed"
    IMAGES = "images"
    RESTARTS = "restarts"
    HOLDERS = "holders"
    LOGS = "logs"
    EVENTS = "events"
    HOW = "how"
    CHANGE = "change"
    UNCLEAR = "unclear"


class State(Enum):
    """A state that narrows a count or a list."""

    NOT_READY = "not ready"
    READY = "ready"
    PENDING = "pending"
    FAILED = "failed"
    RUNNING = "running"
    CRASHING = "crashing"
    RESTARTING = "restarted"
    TERMINATING = "terminating"
    CORDONED = "cordoned"
    UNHEALTHY = "unhealthy"
    COMPLETED = "completed"


# People's words for kinds that the API's own names do not cover.
KIND_WORDS = {
    "app": "Deployment", "apps": "Deployment", "application": "Deployment", "applications": "Deployment",
    "deploys": "Deployment", "rollout": "Deployment", "rollouts": "Deployment", "claim": "PersistentVolumeClaim",
    "claims": "PersistentVolumeClaim", "pvcs": "PersistentVolumeClaim", "volume": "PersistentVolume",
    "volumes": "PersistentVolume", "machine": "Node", "machines": "Node", "server": "Node", "servers": "Node",
    "svcs": "Service", "config": "ConfigMap", "configs": "ConfigMap", "cms": "ConfigMap", "cron": "CronJob",
    "crons": "CronJob", "cronjobs": "CronJob", "namespaces": "Namespace", "hpas": "HorizontalPodAutoscaler",
    "autoscaler": "HorizontalPodAutoscaler", "autoscalers": "HorizontalPodAutoscaler", "quota": "ResourceQuota",
    "quotas": "ResourceQuota", "policy": "NetworkPolicy", "policies": "NetworkPolicy", "pdbs": "PodDisruptionBudget",
    "sts": "StatefulSet", "route": "Ingress", "routes": "Ingress", "storageclasses": "StorageClass",
}  # fmt: skip

STATE_WORDS: tuple[tuple[re.Pattern[str], State], ...] = tuple(
    (re.compile(pattern), state)
    for pattern, state in (
        (r"\b(?:not|isn'?t|aren'?t|never|un) ?-?ready\b|\bunready\b|\bunavailable\b", State.NOT_READY),
        (r"\bpending\b|\bunschedul\w+|\bstuck in pending\b|\bwaiting\b|\bunbound\b", State.PENDING),
        (r"\bcrash\w*|\bcrashloop\w*", State.CRASHING),
        (r"\brestart(?:ed|ing|s)\b", State.RESTARTING),
        (r"\bterminating\b|\bdeleting\b", State.TERMINATING),
        (r"\bcordon\w*|\bscheduling ?disabled\b|\bdrained\b", State.CORDONED),
        (r"\bfail(?:ed|ing|s|ures?)?\b|\berror\w*", State.FAILED),
        (r"\bcompleted?\b|\bsucceeded\b|\bfinished\b", State.COMPLETED),
        (r"\bunhealthy\b|\bbroken\b|\bdown\b|\bsick\b|\bbad\b|\bill\b|\bnot (?:running|working|healthy|ok)\b|\bproblems?\b|\bwrong\b", State.UNHEALTHY),
        (r"\brunning\b|\bup\b", State.RUNNING),
        (r"\bready\b|\bhealthy\b|\bavailable\b", State.READY),
    )
)  # fmt: skip

_NOUN = r"(?:\S+ ){0,6}?"

# The first pattern that fits decides. Order: wishes that change something, then the narrow questions, then the broad.
INTENTS: tuple[tuple[re.Pattern[str], Intent], ...] = tuple(
    (re.compile(pattern), intent)
    for pattern, intent in (
        (r"^(?:(?:please|pls|can you|could you|would you|now|go|just) )*(?:scale|restart|delete|remove|kill|drain|cordon|uncordon|apply|create|patch|edit|rollback|roll back|undo|set|evict|reboot|exec|bounce|redeploy|wipe|destroy)\b(?!.*\?$)", Intent.CHANGE),
        (r"\bignore (?:all |your |the |previous |prior )*(?:instructions|rules)\b", Intent.CHANGE),
        (r"^how (?:do|can|should|would|to|could) ?(?:i|we|you|one)?\b|\bhow to\b|\bwhat should i do\b|\brunbook\b|\bhow does one\b", Intent.HOW),
        (r"\b(?:what|who|which)\b.*\b(?:breaks?|suffers?|affected|impact(?:ed)?|die|dies|goes down|fails?)\b.*\b(?:if|when|without)\b|\bblast radius\b|\bimpact of\b|\bwhat happens if\b", Intent.DEPENDANTS),
        (r"\b(?:what|who|which \w+|anything|anyone)\b.{0,40}\b(?:depends?|relies|rely) on\b|\bdependants?\b|\bdependents?\b", Intent.DEPENDANTS),
        (r"\b(?:who|what|which \w+|anyone|anything) (?:\w+ )?(?:uses?|mounts?|references?|needs|consumes?|calls?|talks? to|reads|is using|are using|selects?|routes? to)\b", Intent.DEPENDANTS),
        (r"\bdepend(?:s|encies|ency)?\b|\brely on\b|\brelies on\b|\bneeds?\b what|\bwhat does\b.*\b(?:need|use|mount|reference|call|require|read|select|route to)\b", Intent.DEPENDENCIES),
        (r"\bwho owns\b|\bowner of\b|\bowned by\b|\bwhat (?:owns|controls|manages|created)\b|\bwho (?:controls|manages|created|made)\b|\bbelongs? to\b", Intent.OWNER),
        (r"\bwho (?:holds|has|took|takes|is holding|uses|occupies|eats)\b.*\b(?:gpus?|cpus?|memory|ram|accelerators?|devices?)\b|\b(?:gpus?|accelerators?)\b.*\b(?:free|left|used|usage|available|holds?|held|allocated|in use)\b|\b(?:free|available|used|left|how many) (?:gpus?|cpus?|cores?|memory|accelerators?)\b|\bcapacity\b", Intent.HOLDERS),
        (r"\bchang(?:e|ed|es|ing)\b|\bwhat(?:'s| is) new\b|\bnewly\b|\brecent(?:ly)?\b|\bdeployed\b.*\b(?:when|last|lately)\b|\bhistory\b|\brevisions?\b|\blast (?:deploy|rollout|release)\b|\bwhat happened\b|\btimeline\b", Intent.CHANGED),
        (r"\bimages?\b|\bversions?\b|\btags?\b|:latest\b|\bstill (?:runs?|on)\b", Intent.IMAGES),
        (r"\blogs?\b|\bstdout\b|\bstderr\b|\bprint(?:s|ed)?\b", Intent.LOGS),
        (r"\bevents?\b", Intent.EVENTS),
        (r"\brestart(?:s|ed|ing)?\b.*\b(?:most|often|count|many|how)\b|\b(?:how many|most|number of|which|what|any)\b.*\brestart(?:s|ed|ing)?\b", Intent.RESTARTS),
        (r"\bwhy\b|\bwhat(?:'s| is| are)? (?:wrong|broken|the (?:problem|matter|issue|cause|reason)|up with|causing|happening)\b|\bhow come\b|\bwhat for\b|\broot cause\b|\bexplain\b|\bdiagnose\b|\btroubleshoot\b|\bwhat made\b|\bwhat broke\b|\bbecause of what\b|\breason for\b", Intent.WHY),
        (r"\bhow many\b|\bnumber of\b|\bcount\b|\bhow much\b", Intent.COUNT),
        (r"\bwhere(?:'s)?\b|\bon (?:which|what) (?:node|machine|host)\b|\b(?:which|what) (?:node|namespace|machine|host)s?\b" + r".*\b(?:is|are|runs?|hosts?|has)\b", Intent.WHERE),
        (r"^(?:is|are) (?:everything|all|it all|the cluster|things|anything|something)\b|\bhealth\b|\banything (?:wrong|broken|down|failing)\b|\ball (?:right|good|ok|okay|fine)\b|\beverything (?:ok|fine|good)\b|\bany (?:problems?|issues?|faults?|errors?)\b", Intent.HEALTH),
        (r"\b(?:list|which|show me (?:all|the)|show all|what .* (?:are there|exist|do (?:i|we) have)|give me|are there|get)\b", Intent.LIST),
        (r"\b(?:status|state|show|describe|tell me about|what is|what's|how is|how's|details?|about|info)\b|^(?:is|are|does|do|has|have)\b", Intent.STATUS),
    )
)  # fmt: skip

# Words that are never a name, however similar a name may be.
STOP_WORDS = frozenset(
    ["a", "about", "above", "after", "again", "all", "also", "am", "an", "and", "any", "anyone", "anything", "are", "as", "ask", "at", "be", "because", "been", "before", "being", "below", "between", "both", "broken", "but", "by", "called", "can", "cannot", "cluster", "come", "could", "crash", "crashing", "currently", "day", "dead", "did", "do", "does", "doing", "down", "during", "each", "error", "errors", "everything", "ever", "explain", "fail", "failed", "failing", "fails", "few", "find", "fine", "for", "from", "further", "get", "getting", "give", "go", "going", "good", "got", "had", "has", "have", "having", "healthy", "hello", "help", "her", "here", "hey", "hi", "him", "his", "hour", "hours", "how", "i", "if", "ill", "in", "into", "is", "it", "its", "just", "keep", "keeps", "kubectl", "kubernetes", "last", "lately", "let", "like", "list", "long", "look", "make", "many", "matter", "me", "memory", "minute", "minutes", "more", "most", "much", "my", "namespace", "namespaces", "need", "needs", "new", "next", "no", "not", "now", "of", "off", "ok", "okay", "on", "once", "one", "only", "or", "other", "our", "out", "over", "own", "pending", "please", "pls", "pod", "pods", "ready", "reason", "recently", "restart", "restarted", "restarting", "restarts", "right", "run", "running", "runs", "same", "say", "see", "should", "show", "slow", "so", "some", "something", "status", "still", "stuck", "such", "tell", "than", "thank", "thanks", "that", "the", "their", "them", "then", "there", "these", "they", "thing", "things", "this", "those", "through", "to", "today", "too", "try", "under", "unhealthy", "until", "up", "us", "use", "used", "uses", "using", "very", "wait", "waiting", "want", "was", "we", "well", "were", "what", "whats", "when", "where", "which", "while", "who", "whom", "whose", "why", "will", "with", "without", "wont", "work", "working", "works", "would", "wrong", "yes", "yesterday", "yet", "you", "your", "gpu", "gpus", "cpu", "cpus", "image", "images", "version", "versions", "log", "logs", "event", "events", "node", "nodes", "service", "services", "deployment", "deployments", "container", "containers", "affected", "change", "changed", "changes", "depend", "depends", "dependencies"]
)  # fmt: skip
