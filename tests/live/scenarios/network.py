"""Services and Ingresses that lead nowhere."""

from .manifests import backdrop, deployment, env, fails, ingress, ingress_controller, service, statefulset
from .scenario import Apply, Kubectl, Scenario, Seen, Truth

SELECTOR = Scenario(
    name="service-selector-mismatch",
    truth=Truth(
        ("Service", "toll", "barrier"),
        "its selector app=barriers matches no pod; the pods say app=barrier",
        ("selector", "label", "match", "no endpoints"),
        must_not=(("Deployment", "toll", "barrier"),),
    ),
    before=(
        *ingress_controller(),
        *backdrop("motorway", "signs"),
        deployment("toll", "barrier", 2),
        service("toll", "barrier"),
        deployment("toll", "coins", 1),
        ingress("toll", "toll", "toll.corp.internal", ("/", "barrier")),
    ),
    steps=(
        Kubectl('patch service barrier -n toll -p \'{"spec":{"selector":{"app":"barriers"}}}\''),
        Seen("get endpointslices -n toll -o wide", r"^barrier-\S+ +IPv4 +<unset> +<unset>"),
    ),
    paste=(
        "get pods -n toll --show-labels",
        "describe service barrier -n toll",
        "describe ingress toll -n toll",
        "get endpointslices -n toll",
    ),
)

TARGET_PORT = Scenario(
    name="service-target-port-name-wrong",
    truth=Truth(
        ("Service", "aquarium", "tanks"),
        "its targetPort is named web; the container's port is named http",
        ("port",),
        also_accept=(("Deployment", "aquarium", "tanks"),),
    ),
    before=(
        *ingress_controller(),
        *backdrop("souvenirs", "till"),
        deployment("aquarium", "tanks", 2),
        service("aquarium", "tanks", target="http"),
        ingress("aquarium", "visitors", "aquarium.corp.internal", ("/tanks", "tanks")),
        deployment("aquarium", "pumps", 1),
    ),
    steps=(
        Kubectl(
            'patch service tanks -n aquarium --type=json -p \'[{"op":"replace","path":"/spec/ports/0/targetPort","value":"web"}]\''
        ),
        Seen("get endpointslices -n aquarium -o wide", r"^tanks-\S+ +IPv4 +<unset>"),
    ),
    paste=(
        "describe service tanks -n aquarium",
        "get endpointslices -n aquarium",
        "describe pod {pod:aquarium/tanks} -n aquarium",
    ),
)

SCALED_TO_ZERO = Scenario(
    name="ingress-backend-scaled-to-zero",
    truth=Truth(
        ("Deployment", "bakery", "orders"),
        "someone scaled it to 0 replicas; the Ingress sends /orders to it",
        ("0 replicas", "zero", "scaled"),
        must_not=(("Service", "bakery", "orders"), ("Ingress", "bakery", "counter")),
    ),
    before=(
        *ingress_controller(),
        *backdrop("bakery", "oven", work="flour-count-2"),
        deployment("bakery", "orders", 2),
        service("bakery", "orders"),
        ingress("bakery", "counter", "bakery.corp.internal", ("/oven", "oven"), ("/orders", "orders")),
        *backdrop("pantry", "jars"),
    ),
    steps=(
        Kubectl("scale deployment/orders -n bakery --replicas=0"),
        Seen("get deployments -n bakery", r"^orders +0/0"),
        Seen("get endpointslices -n bakery -o wide", r"^orders-\S+ +IPv4 +<unset> +<unset>"),
    ),
    paste=(
        "get deployments,services,ingress -n bakery", "describe ingress counter -n bakery", "describe service orders -n bakery",
        "describe deployment orders -n bakery",
    ),
)  # fmt: skip

NO_BACKEND = Scenario(
    name="ingress-service-missing",
    truth=Truth(
        ("Ingress", "bistro", "front"),
        "it sends /menu to the Service menu-svc, which does not exist; there is menu",
        ("menu-svc", "backend", "does not exist", "service"),
        also_accept=(("Service", "bistro", "menu-svc"),),
        must_not=(("Service", "bistro", "menu"), ("Deployment", "bistro", "menu")),
    ),
    before=(
        *ingress_controller(),
        *backdrop("bistro", "menu"),
        *backdrop("bistro", "tables"),
        *backdrop("cellar", "racks", work="bottle-7"),
    ),
    steps=(
        Apply((ingress("bistro", "front", "bistro.corp.internal", ("/tables", "tables"), ("/menu", "menu-svc")),)),
        Seen("describe ingress front -n bistro", "menu-svc"),
    ),
    paste=("get services -n bistro", "describe ingress front -n bistro"),
)

HEADLESS = Scenario(
    name="statefulset-headless-service-missing",
    truth=Truth(
        ("StatefulSet", "choir", "voices"),
        "its serviceName voices-peers names a Service that does not exist, so its pods do not find each other",
        ("voices-peers", "service", "headless"),
        also_accept=(("Service", "choir", "voices-peers"),),
    ),
    before=(*backdrop("organ", "pipes"), deployment("choir", "songbook", 1)),
    steps=(
        Apply(
            (
                statefulset(
                    "choir", "voices", 3, {**fails("crash-loop"), "testbed/logs": "voices", "testbed/logs-previous": "voices"},
                    service="voices-peers", env=env(PEERS="voices-0.voices-peers,voices-1.voices-peers,voices-2.voices-peers"),
                ),
            )
        ),
        Seen("get pods -n choir", r"^voices-0 .* CrashLoopBackOff +[2-9]"),
    ),
    paste=("get services,statefulsets -n choir", "describe pod voices-0 -n choir", "logs voices-0 -n choir", "describe statefulset voices -n choir"),
    logs={
        "voices": (
            "voices 2.4.1: joining the ring",
            "dial peer voices-1: lookup voices-1.voices-peers.choir.svc.cluster.local on 10.96.0.10:53: no such host",
            "fatal: no peer could be reached",
        )
    },
)  # fmt: skip

DEPENDENCY_DOWN = Scenario(
    name="dependency-not-ready",
    truth=Truth(
        ("StatefulSet", "forum", "forum-db"),
        "the database is killed at its memory limit; threads cannot connect and crashes too",
        ("memory", "oom"),
        must_not=(("Deployment", "forum", "threads"), ("Deployment", "forum", "avatars")),
    ),
    before=(
        *backdrop("moderation", "queue-view"),
        statefulset("forum", "forum-db", port=5432, memory="512Mi"),
        service("forum", "forum-db", port=5432, target=5432),
        deployment("forum", "threads", 2, env=env(DATABASE_URL="postgres://forum-db:5432/forum")),
        service("forum", "threads"),
        deployment("forum", "avatars", 1),
    ),
    steps=(
        Kubectl(
            "patch statefulset forum-db -n forum -p "
            '\'{"spec":{"template":{"metadata":{"annotations":{"testbed/failure":"oom","testbed/logs":"forum-db","testbed/logs-previous":"forum-db"}},'
            '"spec":{"containers":[{"name":"forum-db","resources":{"limits":{"memory":"48Mi"},"requests":{"memory":"48Mi"}}}]}}}}\''
        ),
        Seen("get pods -n forum", r"^forum-db-0 .* CrashLoopBackOff +[1-9]"),
        Kubectl("annotate pods -n forum -l app=threads testbed/failure=crash-loop testbed/logs=threads testbed/logs-previous=threads"),
        Seen("get pods -n forum", r"^threads-.* CrashLoopBackOff +[2-9]"),
    ),
    paste=(
        "describe pod {pod:forum/threads} -n forum", "logs {pod:forum/threads} -n forum", "get services -o wide -n forum",
        "describe pod forum-db-0 -n forum",
    ),
    logs={
        "forum-db": ("LOG:  starting PostgreSQL 17.6", 'LOG:  listening on IPv4 address "0.0.0.0", port 5432'),
        "threads": (
            "threads 2.4.1",
            'could not connect to server: Connection refused. Is the server running on host "forum-db" and accepting TCP/IP connections on port 5432?',
            "giving up after 5 attempts",
        ),
    },
)  # fmt: skip

NETWORK = (SELECTOR, TARGET_PORT, SCALED_TO_ZERO, NO_BACKEND, HEADLESS, DEPENDENCY_DOWN)
