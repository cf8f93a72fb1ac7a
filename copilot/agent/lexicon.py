"""The words of questions as data: what a person calls a kind, a state, and which words are never names. Everything is lower case."""

from __future__ import annotations

import re
from enum import Enum


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


WORKLOAD = "workload"  # what people call Deployments, StatefulSets and DaemonSets together
NOT_KINDS = frozenset({"no", "ns", "ep", "limits", "ip", "cs", "pc", "rc", "ev", "sc"})  # short names that are words

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
    "sts": "StatefulSet", "workload": WORKLOAD, "workloads": WORKLOAD,
    "webhook": "ValidatingWebhookConfiguration", "webhooks": "ValidatingWebhookConfiguration",
    "validatingwebhook": "ValidatingWebhookConfiguration", "validatingwebhooks": "ValidatingWebhookConfiguration",
    "mutatingwebhook": "MutatingWebhookConfiguration", "mutatingwebhooks": "MutatingWebhookConfiguration",
    "customresource": "CustomResourceDefinition", "customresources": "CustomResourceDefinition",
    "disruptionbudget": "PodDisruptionBudget", "disruptionbudgets": "PodDisruptionBudget", "netpols": "NetworkPolicy",
    "serviceaccounts": "ServiceAccount", "pvs": "PersistentVolume", "daemonsets": "DaemonSet", "route": "Ingress", "routes": "Ingress", "storageclasses": "StorageClass",
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
        (r"\bunhealthy\b|\bbroken\b|\bdown\b|\bsick\b|\bbad\b|\bill\b|\bnot (?:running|working|healthy|ok)\b|\bproblems?\b|\bwrong\b|\bstuck\b|\bhang(?:s|ing)?\b|\bhung\b|\bdegraded\b|\bflapping\b|\bblocked\b|\bnot progressing\b", State.UNHEALTHY),
        (r"\brunning\b|\bup\b", State.RUNNING),
        (r"\bready\b|\bhealthy\b|\bavailable\b", State.READY),
    )
)  # fmt: skip

# Words that are never taken for a misspelt name. A name that is spelt exactly so is still found.
STOP_WORDS = frozenset(
    """
    a about above access account accounts actually add address addresses affected afford after afternoon again age
    alive all allocatable allocated allow allowed allows along also am amount an and annotation annotations another
    any anybody anyone anything anywhere api app application applications apply apps arch architecture are as ask
    assign at attached available average back backend backends backs based basically be because been before behind
    being belong below best between big bigger biggest bind both bound break breaks broken busy but by call called
    calls can cannot capacity cause caused certificate change changed changes check cidr claim claims class classes
    closed cluster come command compare compared comparison complete completed concurrency condition conditions
    config configuration configured connect connected connection contain container containerd containers contains
    content control controller controllers copies copy core cores correct could couldn count cpu cpus crash crashing
    created creates creating cronjob cronjobs currently data day dead default delete deleted deleting deny depend
    dependencies depends deployment deployments describe details device devices did didn die dies diff differ
    difference differences different disk disruption disruptions dns do does doesn doing don done down drain drained
    drive driver due duration during each earliest edit effect else empty enough env environment error errors
    evening event events ever every everybody everyone everything evict evicted eviction exactly exist existing
    exists explain exposed external extra fail failed failing fails few fewer fewest fill find fine finish finished
    first fit fits fix flavor flavors for free from full fully further gb get getting gi give go going good got gpu
    gpus grace great greatest group groups guard guards guess had half handle happen happened happening happens hard
    has have having headless health healthy heavy held hello help her here hey hi high higher highest him his hold
    holder holders holds host hostname hosts hour hours how hpa hpas i idea idle if ill image images immediately
    immutable important in included incoming info information ingress inside install instance instances interested
    interval into ip ips is isn issue issues it item items its job just keep keeps kernel key keys kill kind kindly
    kinds kubectl kubelet kubelets kubernetes kueue label labelled labels large larger largest last late lately
    later latest launch least leave left less let lets level life like limit limits line list listed listen
    listening listens live liveness lives local locked log logs long longer longest look lot low lowest made main
    maintenance make manage managed manager manages many matter max maximum may me mean means memory mib min minimum
    minus minute minutes missing mode model models moment month months more morning most mount mounted mounts move
    much must my name named names namespace namespaces necessary need needs network never new newest next no nobody
    node nodes none normal not nothing now nowhere number object objects of off often ok okay oldest on once one
    only open operator or order os other others our out outgoing over overview own owned owner owners owns
    parallelism part paused pdb pdbs pending per percent percentage permission permissions permitted persistent pick
    place placed plain plan please pls pod podcidr pods point points policy pool port ports possible power previous
    priorities priority probably probe probes problem process product protect protected protects provide provisioner
    pull pulled put pvc pvcs queue queued queues quick quota quotas rack ram range ranges rather reach reachable
    reached reaches read readiness ready really reason reasons recent recently reclaim recreate references region
    registries registry relate release remaining remove removed repair replica replicas report request requested
    requests require required requirement requires reserve reserved resource resources respond restart restarted
    restarting restarts result retry revision right rights role roles rolling rollout room route routed routes rule
    rules run running runs runtime safe safely same say scale scaled scales schedulable schedule scheduled scheduler
    scheduling second seconds secret secrets section see seem seems select selected selector selectors selects self
    send serve served server serves service services set sets setting settings shape share short shortest should
    show shown side simply since single size sized sizes slot slots slow small smaller smallest so some somebody
    someone something somewhere soon sort space speak spec spend spread stand start started starting starts startup
    state stats status step still stop stopped storage strategy stuck successful such suffer suffers sum summarise
    summarize summary suspend suspended system taint tainted taints take taken takes talk talking target targeted
    targeting targets tell templates term terminating test text than thank thanks that the their them then there
    these they thing things this those three through tie till time times timezone to today together tolerate
    toleration tolerations too top total toward towards traffic trigger triggered true try turn two type types
    unable under unhealthy unit units unless unlimited unready unschedulable until unused up update updated upgrade
    upgraded url urls us usage use used user users uses using utilisation utilization value values variable
    variables various version versions very view volume volumes wait waiting waits want wanted wants warning
    warnings was we week weeks well were what whats when whenever where whether which while who whole whom whose why
    will with within without wonder wondering wont work worker working workload workloads works worst worth would
    write wrong yes yesterday yet you young younger youngest your zero zone zones
    asks besides blocks consumer consumers code codes create did except exit gimme note notes roll rolled root shut tag tags mind needed tolerate wonder wants lst thx
    """.split()  # noqa: SIM905 - nine hundred lines of one word each are no table
)

# Words that narrow nothing. Any other word of a list question that nothing has read is a condition not understood.
FILLERS = frozenset(
    """
    did does run runs ran type types container containers back backs host hosts hosted sits lives deployed work works work
    a about across actual actually afternoon again all already also altogether am among amount an and any anything
    are aren as asap ask asking associated at available be been being belong belonging belongs between but by called
    can certain check cluster clusters come complete concerning condition conditions could count created creation
    curious current currently d dear detail detailed details didn different display do does doesn doing don down
    during each entire entries entry evening ever every everyone everything exact exactly exist existing exists few
    find folks for from full get gimme give go good got guys had has hasn have haven having hello help here hey hi
    hmm how i id idea if im in info information inside into is isn it item items its ive just k8s kind kindly kinds
    know kubectl kubernetes latest let like list listed listing live ll look looking lot m many mate may maybe me
    mind moment more morning much must my name named names namespace namespaces need needs no not now number object
    objects of off ok okay on once one ones or our out overall overview own particular per perhaps please pls
    point possibly present presently print question quick quickly re read real really recent recently regarding
    related resource resources right s same see seem seems several shall should show showing shown sir so some
    somebody someone sort specific state states status still such summary t team tell thank thanks that the their
    them then there these they thing things this those time to today together too total under up urgent urgently us
    use using various ve very via want wanted was wasn we well were weren what what's whatever when where whether
    which while who whole whose why will with within wonder wondering would yes yet you your
    """.split()  # noqa: SIM905 - words read best as words
)
