"""What a person may want to know, and the words that say so: one table, read from the top; the first pattern that fits decides."""

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
    SUMMARY = "summary"
    DEPENDANTS = "dependants"
    DEPENDENCIES = "dependencies"
    OWNER = "owner"
    CHANGED = "changed"
    AUTHOR = "author"
    IMAGES = "images"
    RESTARTS = "restarts"
    HOLDERS = "holders"
    DEVICES = "devices"
    QUEUE = "queue"
    QUOTA = "quota"
    FIT = "fit"
    WHAT_IF = "what if"
    SCHEDULE = "schedule"
    COMPARE = "compare"
    RIGHTS = "rights"
    NETWORK = "network"
    ADDRESS = "address"
    VERSIONS = "versions"
    USAGE = "usage"
    EXTREME = "extreme"
    TOTAL = "total"
    PROPERTY = "property"
    GROUPED = "grouped"
    LOGS = "logs"
    EVENTS = "events"
    HOW = "how"
    PAST = "past"
    CHANGE = "change"
    BEYOND = "beyond"
    OUTSIDE = "outside"
    UNCLEAR = "unclear"


# Verbs of wishes. A question may mention them; a sentence that begins with one is an order.
CHANGE_VERBS = tuple(
    """
    accept add annotate apply approve attach bounce bring bump change clean clear confirm cordon create decrease
    delete deploy destroy disable downgrade drain drop edit enable erase evict exec execute expose fix force grant
    heal increase install kill label launch lower make migrate move nuke patch pause perform purge put reboot
    recreate redeploy reject remove rename repair replace reset resolve restart resume revert revoke rollback
    rollout run scale set shutdown spin start stop suspend switch taint terminate trigger turn uncordon undo
    uninstall unpause untaint update upgrade wipe write
    """.split()  # noqa: SIM905 - words read best as words
)
_POLITE = r"(?:(?:please|pls|plz|kindly|hey|hi|ok|okay|can you|could you|would you|will you|i want you to|i want to|i'd like to|let's|lets|now|go|just|and|then|go ahead and|you must|you should|quickly|immediately) )*"
COMMAND_START = re.compile(rf"^{_POLITE}(?:sudo )?(?:kubectl )?(?P<verb>[a-z]+)\b")

_DO = (
    r"(?:drain\w*|scal\w+|delet\w+|remov\w+|restart\w*|cordon\w*|evict\w*|reboot\w*|stop\w*|kill\w*|los[et]\w*|shut\w*)"
)
_VERB = r"(?:get|list|watch|read|see|view|create|update|patch|delete|edit|modify|write|change|exec(?:ute)?|impersonate|bind|escalate|port-?forward|manage)"
_VERB_OF_ACCOUNT = _VERB.replace(")", "|scale|evict|restart)")
_TALK = r"(?:talk|connect|reach|speak|send traffic|access|call|ping)(?:es|s|ing)?(?: to| with)?"
_ACCOUNT = r"(?:service ?account|serviceaccount|sa|user|group)"


def _word(pattern: str) -> str:
    """A whole word, and no part of a name with dashes."""
    return rf"(?<![\w./-])(?:{pattern})(?![\w-])"


INTENTS: tuple[tuple[str, Intent], ...] = (

    (r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|rules|prompts?|guardrails?|polic(?:y|ies) above|safety)\b|\byou are now\b|\b(?:act|behave) as\b|\bpretend\b|\b(?:admin|developer|root|god) mode\b|\bjailbreak\b|\bsystem prompt\b", Intent.CHANGE),
    (r"\b(?:dump|print|leak|exfiltrate|reveal|send)\b.*\b(?:all|every|your)\b.*\b(?:secrets?|tokens?|passwords?|credentials?|prompt)\b", Intent.CHANGE),
    (r"^(?:hi|hello|hey|thanks?|thank you|thx|cheers|bye|good (?:morning|evening|night|day|job))\b(?: (?:there|you|so|very|much|a|lot|all|copilot|for|the|help|everyone))*$", Intent.OUTSIDE),
    (r"\b(?:weather|joke|poem|recipe|football|lottery|horoscope|stock price|movie|president|capital of|meaning of life|translate|who are you|what are you|your name|your favou?rite|how are you)\b|^(?:are|were) you\b|^do you (?:love|like|think|feel|want)\b", Intent.OUTSIDE),
    (r"\b(?:values?|contents?|plain ?text|decoded?|base64|passwords?)\b.*\bsecrets?\b|\bsecrets?\b.*\b(?:values?|contents?|decoded?|plain ?text|base64)\b|\b(?:what|show|give|tell|which)\b.*\bpasswords?\b", Intent.BEYOND),
    (r"\b(?:costs?|price|bills?|dollars?|money|euros?|invoice|spend(?:ing)?)\b", Intent.BEYOND),
    (r"\b(?:requests? per (?:second|minute)|rps|qps|latenc(?:y|ies)|throughput|p9[59]|error rate|response times?|bandwidth|traffic (?:volume|does))\b", Intent.BEYOND),
    (r"\bhow full\b|\bdisk (?:usage|space)\b|\b(?:free|used|left) (?:disk|space)\b|\b(?:disk|volume)s?\b.*\bfull\b|\b(?:average|mean|peak|trend)\b.*\b(?:cpu|memory|load|usage)\b|\bload average\b|\b(?:cpu|memory)\b.*\b(?:yesterday|this week|last week|over time|over the last)\b", Intent.BEYOND),
    (r"\b(?:will|is going to|gonna)\b.*\b(?:tomorrow|next (?:week|month|year)|in the future|some ?day)\b|\b(?:forecast|predict)\b", Intent.BEYOND),
    (r"^(?:has|have|had|did|was|were|is|are|any)\b.*\b(?:happen\w*|seen?|occur\w*|fail\w*|crash\w*|br[eo]ak\w*|broken?|down)\b.*\bbefore\b(?=\W*(?:[\w.-]+/[\w./-]+|(?:to|with|for|on|in) [\w./-]+(?: [\w./-]+){0,3})?\W*$)|\b(?:past|previous|earlier|similar|known|remember\w*) (?:incidents?|outages?)\b|\b(?:incidents?|outages?)\b.*\b(?:remember\w*|before)\b|\bincident (?:memory|history)\b", Intent.PAST),
    (r"\bwho (?:created|made|wrote|deployed|applied|added|installed)\b", Intent.AUTHOR),
    (r"\bwho (?:deleted|removed|restarted|scaled|changed|edited|broke|modified|updated)\b", Intent.CHANGED),
    (r"^how (?:do|can|could|would|should) (?:i|we|one|you|clients?) (?:reach|access|connect|get to|open|call|talk|hit|visit|browse)\b", Intent.ADDRESS),
    (r"^how (?:do|can|should|would|could) (?:i|we|you|one)\b(?! fit)|^how to\b|\bhow to\b|\bwhat should i do\b|\brunbook\b|\bhow does one\b", Intent.HOW),
    (r"^(?:does|do) \S+(?: \S+)? have (?:the )?(?:access|rights?|permissions?|privileges?)\b", Intent.RIGHTS),
    (rf"\b(?:who|what|which \w+) (?:can|may|could|is|are) (?:allowed to |able to )?{_TALK}\b|\b(?:can|could|may|does|do|is|are)\b.+\b{_TALK}\s+\S+.*(?<!secrets)$|\bnetwork ?polic(?:y|ies)\b.*\b(?:let|allow|permit|block|den(?:y|ies)|through|do|does)\b|\bwhat does (?:the )?net(?:work)? ?pol|\btraffic\b.*\b(?:from|between|to|into|allowed|reach\w*)\b|\breachable (?:from|by)\b|\ballowed (?:in|into|to reach|to talk)\b", Intent.NETWORK),
    (rf"^(?:does|do) \S+(?: \S+)? have (?:the )?(?:access|rights?|permissions?|privileges?)\b|\b(?:which|what) (?:users?|accounts?|service ?accounts?|groups?|subjects?|people|persons?) (?:can|may|could|have|has|are allowed)\b|\bwho (?:all )?(?:can|may|could|is allowed to|is able to|is permitted to|has (?:the )?(?:right|permission|access|privilege)s?)\b|\bwho (?:has|holds|is bound to|is|gets) (?:the )?(?:cluster[- ]?admin|admin|(?:cluster)?role\b)|\bwhat (?:can|may) (?:the )?(?:{_ACCOUNT} )?\S+ (?:do|access)\b|{_word('rbac|permissions?|rights|privileges?')}|^(?:can|may|could|is|does)\b(?=.*\b{_ACCOUNT}\b).*\b(?:{_VERB_OF_ACCOUNT}|access)\b|^(?:can|may|could|is) (?!i\b|we\b)\S+(?: \S+)?(?: in \S+)? (?:allowed to |able to |permitted to )?{_VERB} |^(?:can|may|am) i (?:allowed to |able to )?{_VERB}\b|\bam i allowed\b", Intent.RIGHTS),
    (rf"\bif (?:i|we|you|someone|somebody|the|it)\b.*\b{_DO}\b|\b(?:would|will|could|does) (?:draining|deleting|scaling|removing|restarting|rebooting|stopping|evicting|losing|killing)\b|\b(?:what|who|which|anything|does|will|would)\b.*\b(?:if|when|by)\b.*\b{_DO}\b|\b(?:can|may|should|could) (?:i|we) (?:safely )?{_DO}\b|\b(?:is it|would it be) (?:safe|ok|okay|possible|fine|dangerous) to\b|\bsafe(?:ly)? to {_DO}\b|\b(?:impact|effect|consequences?) of {_DO}\b|\bhow (?:safe|risky|bad)\b.*\b{_DO}\b", Intent.WHAT_IF),
    (r"\b(?:would|could|can|will|does|do|did)\b.*\b(?:fit|be scheduled)\b|\b(?:room|space|enough \w+) (?:left )?(?:for|to)\b|\b(?:can|could|would)\b.*\b(?:scale (?:up )?to \d+|\d+ (?:replicas|pods|instances|copies)\b)|\bhow many more\b|\bhow many pods\b.*\b(?:can|could|fit|still|go)\b|\b(?:can|could|may) (?:i|we) (?:run|start|add|have|deploy|schedule|get|use)\b.*\b(?:another|more|additional|extra)\b|\bwhere (?:can|could|would)\b.*\b(?:go|run|fit|land)\b|\b(?:one|another|\d+) (?:more |additional |extra )?(?:replicas?|pods?|instances?|cop(?:y|ies))\b.*\bfit|\b(?:one more|another|\d+ more|additional|extra) \S+ (?:replicas?|pods?|instances?)\b", Intent.FIT),
    (r"\b(?:what|who|which)\b.*\b(?:breaks?|suffers?|affected|impact(?:ed)?|die|dies|goes down|fails?)\b.*\b(?:if|when|without)\b|\bif\b.*\b(?:goes? (?:down|away)|dies?|died|fails?|failed|crash\w*|disappears?|is (?:lost|gone|down))\b|\bblast radius\b|\bimpact of\b|\bwhat (?:happens|would happen|breaks) (?:if|when)\b", Intent.DEPENDANTS),
    (r"\b(?:what|who|which \w+|anything|anyone)\b(?! (?:does|do|did)\b).{0,40}\b(?:depends?|relies|rely) on\b|\bdependants?\b|\bdependents?\b", Intent.DEPENDANTS),
    (r"\bwhat time\b.*\b(?:run|start|fire|scheduled|due|execute)s?\b|\b(?:next|last|previous|upcoming|latest)\b(?: \S+){0,3} (?:runs?|ran|execution|scheduled?|fires?|fired|start(?:ed)?)\b|\bwhen (?:will|does|did|is|was|has)\b.*\b(?:run|ran|fire|fired|execute[ds]?|scheduled|triggered)\b|\bwill\b.*\b(?:run|fire|execute)\b|\bcron ?jobs?\b.*\b(?:suspended|paused)\b|\b(?:last|next|previous)\b.*\bruns?\b", Intent.SCHEDULE),
    (rf"{_word('compare|comparison|vs|versus|diff|differences?|differs?|different')}", Intent.COMPARE),
    (rf"{_word('kueue|queues?|queued|localqueues?|clusterqueues?|queueing')}", Intent.QUEUE),
    (rf"{_word('quotas?|resourcequotas?|limit ?ranges?')}|\bhow (?:many|much) (?:\w+ ){{1,3}}(?:can|may|could) (?:i|we) (?:still |yet )?(?:create|run|start|deploy|use|request|have|make)\b", Intent.QUOTA),
    (r"\b(?:kubernetes|k8s|kubelets?|api ?server|server|cluster|node|container runtime|kernel|os) (?:version|release)s?\b|\bversions?\b.*\b(?:nodes?|cluster|kubernetes|k8s|kubelets?)\b", Intent.VERSIONS),
    (r"\b(?:memory|vram)\b.*\bgpus? (?:have|has|got|come)\b|\bgpus?\b.*\b(?:models?|types?|kinds?|memory|vram|products?)\b|\b(?:models?|types?|kinds?|products?) of (?:the )?(?:gpus?|accelerators?)\b|\bhow (?:many|much) (?:gpus?|accelerators?|devices)\b(?!.*\b(?:free|left|available|used|held|in use|idle)\b)|\b(?:which|what) (?:gpus?|accelerators?|devices)\b(?!.*\b(?:free|left|available)\b)", Intent.DEVICES),
    (r"\bwho (?:\w+ )?(?:holds?|has|took|takes|is holding|uses?|occupies|eats|claims?|waits?|is waiting|needs|requests?|wants)\b.*(?<![\w-])(?:gpus?|cpus?|memory|ram|accelerators?|devices?)(?![\w-])|(?<![\w-])(?:gpus?|accelerators?|devices?)(?![\w-]).*\b(?:free|left|used|usage|available|holds?|held|allocated|in use|idle)\b|\b(?:free|available|used|left|unused|idle) (?:gpus?|cpus?|cores?|memory|ram|accelerators?)\b|\bhow (?:much|many) (?:gpus?|cpus?|cores?|memory|ram)\b.*\b(?:free|left|available|remain\w*|in use|taken|unused)\b|\bcapacity\b(?! of (?:p\w*v|node|volume))", Intent.HOLDERS),
    (rf"\b(?:usage|consum\w+|burn\w*|utili[sz]\w+|using)\b.*{_word('cpus?|memory|ram')}|{_word('cpus?|memory|ram')}.*\b(?:usage|using|consum\w+|right now|utili[sz]ation|burn\w*)\b|^(?:show |kubectl )?top\b|\btop \d* ?(?:cpu|memory|pods?|nodes?|containers?)\b|\buses? (?:the )?(?:most|least) (?:cpu|memory|ram)", Intent.USAGE),
    (r"\bhow much (?:cpu|memory|ram|storage|disk)\b.*\b(?:requests?|requested|limits?|reserved?|ask(?:s|ed)? for|claim(?:s|ed)?)\b|\b(?:total|sum of|sum|altogether)\b.*\b(?:requests?|limits?|replicas|storage|memory|cpu)\b", Intent.TOTAL),
    (rf"{_word('(?<!at )most|biggest|largest|highest|oldest|longest|youngest|newest|(?<!at )least|fewest|smallest|lowest|heaviest|shortest|earliest|greatest')}(?!.*\brestart\w* (?:most|often))", Intent.EXTREME),
    (rf"{_word('images?|registr(?:y|ies)|tags?')}|:latest\b|^(?:is|are|does) (?:anything|anyone|anybody|something|any pods?|any workloads?)\b.*\b(?:running|using|runs?|uses?)\b|\bstill (?:runs?|on)\b|\b(?:who|what|which \w+) (?:still )?(?:runs?|is on|are on)\b.*\d+\.\d|\b(?:which|what) version of\b|\b(?:which|what) version\b(?! of kube)", Intent.IMAGES),
    (rf"{_word('urls?|hostnames?|dns names?|fqdn|listen(?:s|ing)?|reachable|exposed?|exposes')}|\b(?:which|what) (?:tcp |udp |container |service |node)?ports?\b|\bports? (?:of|does|is|do)\b|\bopen ports?\b|\b(?:which|what) (?:address|host)\b|\baddress(?:es)? of\b", Intent.ADDRESS),
    (r"\b(?:who|what|which \w+|anyone|anything) (?:\w+ )?(?:uses?|mounts?|references?|consumes?|is using|are using|selects?|routes? to)\b|\b(?:who|what|anyone|anything|which \w+) (?:needs?|calls?|reads?|talks? to|connects? to|speaks? to|hits?|sends? (?:requests|traffic) to)\b|\bused by (?:whom|what|who)\b|\bin use by\b", Intent.DEPENDANTS),
    (r"\bdepend(?:s|encies|ency)?\b|\brely on\b|\brelies on\b|\bneeds?\b what|\b(?:what|which)(?: \w+){0,2} (?:does|do)\b.*\b(?:need|use|mount|reference|call|require|read|select|route to|point to)\b", Intent.DEPENDENCIES),
    (r"\bwho owns\b|\bowners? of\b|\bowned by\b|\bwhat (?:owns|controls|manages|created)\b|\bwho (?:controls|manages)\b|\bbelongs? to\b|\bowner\b|\bresponsible\b|\bwho maintains\b|\bcontact\b|\bwhich team\b|\b(?:which|what) \w+ (?:owns|controls|manages|created)\b", Intent.OWNER),
    (rf"{_word('events?|warnings?')}", Intent.EVENTS),
    (r"\bchang(?:e|ed|es|ing)\b|\bwhat(?:'s| is) new\b|\bnewly\b|\brecent(?:ly)?\b|\bdeployed\b.*\b(?:when|last|lately)\b|\bhistory\b|\brevisions?\b|\blast (?:deploy|rollout|release)\b|\bwhat (?:has )?happened\b|\btimeline\b", Intent.CHANGED),
    (r"\b(?:what|who|which \w+|everything|anything)(?: else)? (?:is |are )?(?:runs?|running|scheduled|placed|sits?|lives?) on (?!\S*\d\.\d)\S+", Intent.LIST),
    (rf"{_word('logs?|stdout|stderr')}|\bprint(?:s|ed)?\b", Intent.LOGS),
    (r"\brestart(?:s|ed|ing)?\b.*\b(?:most|often|count|many|how)\b|\b(?:how many|how often|most|number of|which|what|any)\b.*\brestart(?:s|ed|ing)?\b|^restarts?\b.*\bof\b|^restarts$|^(?:has|have|did|does)\b.*\brestart(?:ed|s)?\b", Intent.RESTARTS),
    (r"\bwhy\b|\bwhat(?:'s| is| are)? (?:wrong|broken|the (?:problem|matter|issue|cause|reason)|up with|causing|happening)\b|\bwhats (?:wrong|broken|up with)\b|\bhow come\b|\bwhat for\b|\broot cause\b|\bexplain\b|\bdiagnose\b|\btroubleshoot\b|\bwhat made\b|\bwhat broke\b|\bwhat(?:'s| is)? (?:block|prevent|stop|hinder|keep|hold)(?:s|ing|ping)?\b|\bbecause of what\b|\breason for\b|\bhelp .*\b(?:down|broken|failing)\b", Intent.WHY),
    (r"\bsummar(?:y|i[sz]e|ies)\b|\boverview\b|\bhow(?:'s| is| are|s) (?:the )?\S+(?: \S+)? (?:doing|going|looking|namespace|cluster)\b|\bhow(?:'s| is) (?:the )?(?:namespace|ns) \S+|\brundown\b|\bbrief me\b|\bstatus report\b", Intent.SUMMARY),
    (r"\bhow many\b|\bnumber of\b|\bcount\b|\bhow much\b", Intent.COUNT),
    (r"\bwhere(?:'s)?\b|\bon (?:which|what) (?:node|machine|host)\b|\b(?:which|what) (?:node|namespace|machine|host)\b.*\b(?:is|are|runs?|hosts?)\b(?!.*\b(?:cordoned|ready|tainted)\b)", Intent.WHERE),
    (r"^(?:is|are) (?:everything|all|it all|the cluster|things|anything|something)\b|\bhealth\b|\banything (?:wrong|broken|down|failing)\b|\ball (?:right|good|ok|okay|fine)\b|\beverything (?:ok|fine|good|running|up|working)\b|\bany (?:problems?|issues?|faults?|errors?)\b", Intent.HEALTH),
    (r"\b(?:list|which|show me (?:all|the)|show all|what .* (?:are there|exist|do (?:i|we) have)|give me|(?:are|is) there|get|find)\b", Intent.LIST),
    (r"\b(?:status|state|show|describe|tell me about|what is|what's|what are|how is|how's|how old|how long|details?|about|info)\b|^(?:is|are|does|do|has|have|did|when|can)\b", Intent.STATUS),
)  # fmt: skip


def asks_for_change(lowered: str) -> bool:
    """Whether a sentence is an order to change something; a misspelt verb is one too, a noun made of a verb is not."""
    from copilot.model.likeness import nearest  # noqa: PLC0415 - only sentences that begin with an unknown word need it

    match = COMMAND_START.match(lowered)
    if match is None:
        return False
    verb = match["verb"]
    rest = lowered[match.end() :].strip()
    if rest.startswith("/") or rest.partition(" ")[0] in _NOUNS:
        return False
    if verb in CHANGE_VERBS:
        return bool(rest) and not rest.startswith(("of ", "for "))
    if verb in ("roll", "shut", "scale") or len(verb) < 5:
        return verb in ("roll", "shut") and bool(rest)
    near = nearest(verb, CHANGE_VERBS, 0.87)
    return bool(near) and bool(rest) and not verb.startswith(near) and verb not in _NOUNS


_NOUNS = frozenset(
    {
        "state",
        "status",
        "history",
        "progress",
        "events",
        "logs",
        "policy",
        "time",
        "times",
        "stats",
        "report",
        "restarts",
        "changes",
        "labels",
        "taints",
        "updates",
    }
)
