"""Rollouts, Jobs, disruption, deletion and scaling that do not get on."""

from .manifests import backdrop, config_map, cronjob, deployment, fails, job, meta, service
from .scenario import Apply, Kubectl, Scenario, Seen, Truth

BAD_ROLLOUT = Scenario(
    name="rollout-bad-image-old-serves",
    truth=Truth(
        ("Deployment", "cinema", "seats"),
        "the new image 3.1.0-rc does not exist; the old pods still serve and the rollout hangs",
        ("image", "tag", "not found"),
    ),
    before=(
        *backdrop("popcorn", "popper"),
        deployment(
            "cinema", "seats", 4, fails("image-pull", while_image="registry.corp.internal/apps/seats:3.1.0-rc"),
            spec={"progressDeadlineSeconds": 15, "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}},
        ),
        service("cinema", "seats"),
    ),
    steps=(
        Kubectl("set image deployment/seats seats=registry.corp.internal/apps/seats:3.1.0-rc -n cinema"),
        Seen("get pods -n cinema", r"^seats-.* ImagePullBackOff"),
        Seen("get deployment seats -n cinema -o yaml", "ProgressDeadlineExceeded"),
    ),
    paste=("get deployments,replicasets -n cinema", "describe deployment seats -n cinema", "describe pod {pod:cinema/seats} -n cinema"),
)  # fmt: skip

PAUSED = Scenario(
    name="rollout-paused",
    truth=Truth(
        ("Deployment", "railway", "timetable"),
        "its rollout is paused, so the new image reaches no pod",
        ("pause",),
    ),
    before=(*backdrop("platform", "benches"), deployment("railway", "timetable", 3), deployment("railway", "gates", 1)),
    steps=(
        Kubectl("rollout pause deployment/timetable -n railway"),
        Kubectl("set image deployment/timetable timetable=registry.corp.internal/apps/timetable:2.5.0 -n railway"),
        Seen("get deployment timetable -n railway -o yaml", "DeploymentPaused"),
    ),
    paste=("get deployments -n railway", "describe deployment timetable -n railway"),
)

BACKOFF = Scenario(
    name="job-backoff-limit",
    truth=Truth(
        ("Job", "payroll", "november"),
        "every try ends with exit code 1: the table bonus does not exist",
        ("bonus", "backoff", "exit code 1", "exits with 1", "failed"),
    ),
    before=(*backdrop("canteen-west", "trays"), deployment("payroll", "slips", 1)),
    steps=(
        Apply(
            (
                job(
                    "payroll", "november", {**fails("job-fail", exit_code="1"), "testbed/logs": "november"},
                    spec={"backoffLimit": 1},
                ),
            )
        ),
        Seen("get job november -n payroll -o yaml", "BackoffLimitExceeded"),
    ),
    paste=("get jobs -n payroll", "describe job november -n payroll", "logs job/november -n payroll"),
    logs={
        "november": (
            "november 2.4.1: reading salaries",
            'psycopg.errors.UndefinedTable: relation "bonus" does not exist',
            "LINE 1: SELECT employee, amount FROM bonus",
        )
    },
)  # fmt: skip

DEADLINE = Scenario(
    name="job-deadline",
    truth=Truth(
        ("Job", "survey", "tabulate"),
        "activeDeadlineSeconds is 6 and the work takes longer: the Job was ended",
        ("deadline",),
    ),
    before=(*backdrop("maps", "atlas"), deployment("survey", "forms", 2)),
    steps=(
        Apply((job("survey", "tabulate", {"testbed/runs-for": "600s"}, spec={"activeDeadlineSeconds": 6}),)),
        Seen("get job tabulate -n survey -o yaml", "DeadlineExceeded"),
    ),
    paste=("get jobs -n survey", "describe job tabulate -n survey"),
)

FORBID = Scenario(
    name="cronjob-forbid-previous-runs",
    truth=Truth(
        ("CronJob", "weather", "forecast"),
        "concurrencyPolicy Forbid: the run before hangs, so none is started",
        ("forbid", "active", "running", "previous", "still"),
        also_accept=(("Job", "weather", "forecast-*"),),
    ),
    before=(*backdrop("barometer", "dial", work="calibrate-1"), deployment("weather", "maps", 1)),
    steps=(
        Apply(
            (
                cronjob(
                    "weather", "forecast", "* * * * *", {"testbed/runs-for": "3600s", "testbed/logs": "forecast"},
                    spec={"concurrencyPolicy": "Forbid"},
                ),
            )
        ),
        Seen("get events -n weather", "JobAlreadyActive", 200),
    ),
    paste=("get cronjobs,jobs -n weather", "describe cronjob forecast -n weather", "logs {pod:weather/forecast} -n weather"),
    logs={"forecast": ("forecast 2.4.1", "waiting for lock run/forecast held by run 8841")},
)  # fmt: skip

BUDGET = Scenario(
    name="drain-blocked-by-budget",
    truth=Truth(
        ("PodDisruptionBudget", "opera", "tenor"),
        "minAvailable 1 of one replica allows no eviction, so the node cannot be drained",
        ("disruption", "budget", "evict", "drain"),
        also_accept=(("Deployment", "opera", "tenor"),),
    ),
    before=(
        *backdrop("foyer-east", "coats"),
        deployment("opera", "tenor", 1),
        deployment("opera", "props", 3),
        {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta("opera", "tenor"),
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "tenor"}}},
        },
    ),
    steps=(
        Kubectl(
            "drain {node:opera/tenor} --ignore-daemonsets --delete-emptydir-data --timeout=6s",
            "disruption budget|timeout reached|global timeout",
        ),
    ),
    paste=("get nodes", "get poddisruptionbudgets -A", "drain {node:opera/tenor} --ignore-daemonsets --delete-emptydir-data --timeout=6s",
           "describe pdb tenor -n opera", "describe node {node:opera/tenor}"),
)  # fmt: skip

FINALIZER = Scenario(
    name="namespace-stuck-by-finalizer",
    truth=Truth(
        ("ConfigMap", "warehouse-old", "stock-lock"),
        "its finalizer corp.io/stock-guard is never removed, so the namespace cannot end",
        ("finalizer",),
        also_accept=(("Namespace", "", "warehouse-old"),),
    ),
    before=(*backdrop("warehouse", "pallets"), config_map("warehouse-old", "notes", TEXT="moved")),
    steps=(
        Apply(
            (
                {
                    **config_map("warehouse-old", "stock-lock", OWNER="stock"),
                    "metadata": meta("warehouse-old", "stock-lock", finalizers=["corp.io/stock-guard"]),
                },
            )
        ),
        Kubectl("delete namespace warehouse-old --wait=false"),
        Seen("get namespace warehouse-old -o yaml", "SomeFinalizersRemain"),
    ),
    paste=("get namespaces", "get configmaps -n warehouse-old", "get namespace warehouse-old -o yaml", "get configmaps -n warehouse-old -o yaml"),
)  # fmt: skip

NO_REQUESTS = Scenario(
    name="autoscaler-without-requests",
    truth=Truth(
        ("Deployment", "carnival", "masks"),
        "the autoscaler wants a share of the CPU request and the container requests none",
        ("request",),
        also_accept=(("HorizontalPodAutoscaler", "carnival", "masks"),),
    ),
    before=(*backdrop("parade", "drums"), deployment("carnival", "masks", 2, cpu=""), deployment("carnival", "floats", 1)),
    steps=(
        Apply(
            (
                {
                    "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta("carnival", "masks"),
                    "spec": {
                        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "masks"},
                        "minReplicas": 2, "maxReplicas": 6,
                        "metrics": [
                            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
                        ],
                    },
                },
            )
        ),
        Seen("get events -n carnival", r"missing request for cpu", 120),
    ),
    paste=("get hpa -n carnival", "describe hpa masks -n carnival", "describe deployment masks -n carnival"),
    needs_metrics=True,
)  # fmt: skip

LIFECYCLE = (BAD_ROLLOUT, PAUSED, BACKOFF, DEADLINE, FORBID, BUDGET, FINALIZER, NO_REQUESTS)
