"""Nothing is wrong: states that look like trouble and are none."""

from .manifests import backdrop, claim, cronjob, deployment, job, service, storage_class
from .scenario import Apply, Kubectl, Scenario, Seen, Truth


def _fine(why: str) -> Truth:
    return Truth(None, why)


ROLLING = Scenario(
    name="healthy-rolling-update",
    truth=_fine("a rolling update is under way, seconds old, within its deadline"),
    before=(*backdrop("gymnasium", "bars"), deployment("stadium", "turnstile", 6), service("stadium", "turnstile")),
    steps=(
        Kubectl(
            "patch deployment turnstile -n stadium -p "
            '\'{"spec":{"template":{"metadata":{"annotations":{"testbed/start-delay":"45s"}},'
            '"spec":{"containers":[{"name":"turnstile","image":"registry.corp.internal/apps/turnstile:2.5.0"}]}}}}\''
        ),
        Seen("get pods -n stadium", r"^turnstile-.* +0/1 +(Pending|ContainerCreating)"),
    ),
    paste=("get deployments,replicasets -n stadium", "describe deployment turnstile -n stadium"),
)

_ENDED = (
    '{"status":{"phase":"Failed","containerStatuses":[{"name":"reindex","image":"registry.corp.internal/apps/reindex:2.4.1",'
    '"imageID":"registry.corp.internal/apps/reindex@sha256:0","ready":false,"started":false,"restartCount":0,'
    '"state":{"terminated":{"exitCode":1,"reason":"Error","startedAt":"{now}","finishedAt":"{now}"}}}]}}'
)
RETRIED = Scenario(
    name="healthy-job-second-try",
    truth=_fine("the Job's first pod failed, the second did the work: the Job is complete"),
    before=(*backdrop("catalogue", "cards"),),
    steps=(
        Apply((job("catalogue", "reindex", {"testbed/runs-for": "8s"}),)),
        Seen("get pods -n catalogue", r"^reindex-\S+ +1/1 +Running"),
        Kubectl(f"patch pod {{pod:catalogue/reindex}} -n catalogue --subresource=status --type=merge -p '{_ENDED}'"),
        Seen("get jobs -n catalogue", r"^reindex +Complete +1/1"),
    ),
    paste=("get jobs -n catalogue", "describe job reindex -n catalogue"),
)

_RESTARTED = (
    '[{"op":"replace","path":"/status/containerStatuses/0/restartCount","value":6},'
    '{"op":"add","path":"/status/containerStatuses/0/lastState","value":{"terminated":'
    '{"exitCode":137,"reason":"OOMKilled","startedAt":"{now}","finishedAt":"{now}"}}}]'
)
OLD_RESTARTS = Scenario(
    name="healthy-old-restarts",
    truth=_fine("the restarts are nine days old; everything has run since"),
    before=(*backdrop("waterworks", "pump"), *backdrop("reservoir", "gauge", work="level-9")),
    seed=(
        Kubectl(f"patch pod {{pod:waterworks/pump}} -n waterworks --subresource=status --type=json -p '{_RESTARTED}'"),
    ),
    paste=("get deployments -n waterworks", "describe pods -n waterworks"),
)

WAITING_CLAIM = Scenario(
    name="healthy-claim-waits-for-consumer",
    truth=_fine("the claim's class binds when a pod uses it, and none does yet"),
    before=(*backdrop("attic", "boxes"), storage_class("bulk-hdd", waits=True)),
    steps=(Apply((claim("attic", "spare", "50Gi", "bulk-hdd"),)), Seen("get events -n attic", "WaitForFirstConsumer")),
    paste=("get pvc -n attic", "describe pvc spare -n attic", "get storageclass"),
)

SUSPENDED = Scenario(
    name="healthy-cronjob-suspended",
    truth=_fine("someone suspended the CronJob; its last run completed"),
    before=(*backdrop("bindery", "glue"), cronjob("bindery", "pamphlets", "15 3 * * *", spec={"suspend": True})),
    seed=(
        Kubectl("create job pamphlets-29391 --from=cronjob/pamphlets -n bindery"),
        Seen("get jobs -n bindery", r"^pamphlets-29391 +Complete"),
    ),
    paste=("get cronjobs,jobs -n bindery", "describe cronjob pamphlets -n bindery"),
)

DRAINED = Scenario(
    name="healthy-node-drained",
    truth=_fine("a node is cordoned and drained for maintenance; every pod runs elsewhere"),
    before=(*backdrop("museum-west", "guides", replicas=4), *backdrop("museum-west", "lockers", work="coins-3")),
    steps=(
        Kubectl("drain node-4 --ignore-daemonsets --delete-emptydir-data --force --timeout=60s"),
        Seen("get deployments -n museum-west", r"^guides +4/4"),
        Seen("get deployments -n museum-west", r"^lockers +2/2"),
    ),
    paste=("get nodes", "get pods -A -o wide", "describe node node-4"),
)

DEV_AT_ZERO = Scenario(
    name="healthy-scaled-to-zero-unused",
    truth=_fine("an app of the developers rests at 0 replicas and nobody calls it"),
    before=(*backdrop("sandbox", "sketch"), *backdrop("easel-prod", "frames"), service("sandbox", "draft")),
    seed=(Apply((deployment("sandbox", "draft", 0),)),),
    paste=("get deployments,services -n sandbox", "describe deployment draft -n sandbox"),
)

SCHEDULED_AT_LAST = Scenario(
    name="healthy-scheduled-after-a-wait",
    truth=_fine("the pod waited for room for some seconds and runs now"),
    before=(*backdrop("hostel", "bunks"), deployment("barge", "cargo", 5, cpu="6", memory="1Gi")),
    steps=(
        Apply((deployment("barge", "winch", 1, cpu="3", memory="1Gi"),)),
        Seen("get events -n barge", r"FailedScheduling .*Insufficient cpu"),
        Kubectl("scale deployment/cargo -n barge --replicas=3"),
        Seen("get pods -n barge", r"^winch-\S+ +1/1 +Running"),
        Seen("get deployments -n barge", r"^cargo +3/3"),
    ),
    paste=("get deployments -n barge", "describe pod {pod:barge/winch} -n barge"),
)

HEALTHY = (ROLLING, RETRIED, OLD_RESTARTS, WAITING_CLAIM, SUSPENDED, DRAINED, DEV_AT_ZERO, SCHEDULED_AT_LAST)
