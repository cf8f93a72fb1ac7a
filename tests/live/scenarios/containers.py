"""Containers that end, do not start, or are ended by their probes."""

from .manifests import (
    backdrop,
    config_map,
    deployment,
    env,
    fails,
    from_secret,
    http_probe,
    mounted,
    secret,
    service,
    statefulset,
)
from .scenario import Kubectl, Scenario, Seen, Truth

OOM = Scenario(
    name="container-oom",
    truth=Truth(
        ("Deployment", "atelier", "weaver"),
        "the memory limit of 96Mi is too small for the catalogue that it loads at the start",
        ("memory", "oom"),
    ),
    before=(
        *backdrop("lounge", "espresso", work="tally-1104"),
        *backdrop("atelier", "spindle"),
        deployment(
            "atelier",
            "weaver",
            2,
            {**fails("oom", while_memory="96Mi"), "testbed/logs": "weaver", "testbed/logs-previous": "weaver"},
            memory="256Mi",
        ),
        service("atelier", "weaver"),
    ),
    steps=(
        Kubectl("set resources deployment/weaver -n atelier --limits=memory=96Mi --requests=memory=96Mi"),
        Seen("get pods -n atelier", r"^weaver-.* CrashLoopBackOff +[2-9]"),
    ),
    paste=("describe pod {pod:atelier/weaver} -n atelier", "logs {pod:atelier/weaver} -n atelier --previous"),
    logs={
        "weaver": (
            "2026-11-02T08:00:01Z INFO weaver 2.4.1 starting",
            "2026-11-02T08:00:01Z INFO loading catalogue snapshot, 1.2M rows",
            "2026-11-02T08:00:02Z INFO 400000 rows loaded",
        )
    },
)

PANIC = Scenario(
    name="container-panic",
    truth=Truth(
        ("Deployment", "foundry", "anvil"),
        "release 2.5.0 of anvil panics at the start: index out of range, exit code 2",
        ("panic", "exit code 2", "exits with 2", "index out of range", "crash"),
    ),
    before=(
        *backdrop("canteen", "menu", work="restock-77"),
        *backdrop("foundry", "bellows"),
        deployment(
            "foundry",
            "anvil",
            1,
            {
                **fails("crash-loop", exit_code="2", while_image="registry.corp.internal/apps/anvil:2.5.0"),
                "testbed/logs": "anvil",
                "testbed/logs-previous": "anvil",
            },
        ),
    ),
    steps=(
        Kubectl("set image deployment/anvil anvil=registry.corp.internal/apps/anvil:2.5.0 -n foundry"),
        Seen("get pods -n foundry", r"^anvil-.* CrashLoopBackOff +[2-9]"),
    ),
    paste=(
        "get deployments -n foundry",
        "describe pod {pod:foundry/anvil} -n foundry",
        "logs {pod:foundry/anvil} -n foundry",
    ),
    logs={
        "anvil": (
            'time="2026-11-02T09:12:40Z" level=info msg="anvil 2.5.0, workers=3"',
            "panic: runtime error: index out of range [3] with length 3",
            "",
            "goroutine 1 [running]:",
            "main.assign(0xc00011e000, 0x3, 0x4)",
            "\t/src/cmd/anvil/assign.go:41 +0x1d4",
            "main.main()",
            "\t/src/cmd/anvil/main.go:27 +0x9c",
            "exit status 2",
        )
    },
)

BAD_COMMAND = Scenario(
    name="container-command-missing",
    truth=Truth(
        ("Deployment", "orchard", "picker"),
        "the command /usr/local/bin/picker-srv is not in the image",
        ("not found", "executable", "command", "start"),
    ),
    before=(*backdrop("meadow", "hive"), deployment("orchard", "picker"), deployment("orchard", "ladder", 2)),
    steps=(
        Kubectl(
            "patch deployment picker -n orchard -p "
            '\'{"spec":{"template":{"metadata":{"annotations":{"testbed/failure":"run-container-error"}},'
            '"spec":{"containers":[{"name":"picker","command":["/usr/local/bin/picker-srv","--port=8080"]}]}}}}\''
        ),
        Seen("get pods -n orchard", r"^picker-.* (CrashLoopBackOff|RunContainerError) +[2-9]"),
    ),
    paste=("describe pod {pod:orchard/picker} -n orchard",),
)

MISSING_MODULE = Scenario(
    name="container-module-missing",
    truth=Truth(
        ("Deployment", "museum", "curator"),
        "the image lacks the Python module psycopg",
        ("module", "psycopg", "import"),
    ),
    before=(
        *backdrop("foyer", "kiosk"),
        *backdrop("museum", "gallery", work="catalog-import-3"),
        deployment(
            "museum",
            "curator",
            1,
            {
                **fails("exit-1", while_image="registry.corp.internal/apps/curator:3.0.0"),
                "testbed/logs": "curator",
                "testbed/logs-previous": "curator",
            },
        ),
    ),
    steps=(
        Kubectl("set image deployment/curator curator=registry.corp.internal/apps/curator:3.0.0 -n museum"),
        Seen("get pods -n museum", r"^curator-.* CrashLoopBackOff +[2-9]"),
    ),
    paste=("describe pod {pod:museum/curator} -n museum", "logs {pod:museum/curator} -n museum --previous"),
    logs={
        "curator": (
            "Traceback (most recent call last):",
            '  File "/app/manage.py", line 22, in <module>',
            "    main()",
            '  File "/app/curator/settings.py", line 3, in <module>',
            "    import psycopg",
            "ModuleNotFoundError: No module named 'psycopg'",
        )
    },
)

WRONG_HOST = Scenario(
    name="app-host-name-wrong",
    truth=Truth(
        ("Deployment", "station", "tickets"),
        "DB_HOST says ticket-postgres; the Service is called tickets-postgres",
        ("ticket-postgres", "host", "resolve", "dns", "name"),
        must_not=(("StatefulSet", "station", "tickets-postgres"), ("Service", "station", "tickets-postgres")),
    ),
    before=(
        *backdrop("depot", "lost-and-found"),
        statefulset("station", "tickets-postgres", port=5432),
        service("station", "tickets-postgres", port=5432, target=5432),
        deployment(
            "station",
            "tickets",
            2,
            {
                **fails("crash-loop", while_env="DB_HOST=ticket-postgres"),
                "testbed/logs": "tickets",
                "testbed/logs-previous": "tickets",
            },
            env=env(DB_HOST="tickets-postgres", DB_NAME="tickets"),
        ),
        service("station", "tickets"),
    ),
    steps=(
        Kubectl("set env deployment/tickets -n station DB_HOST=ticket-postgres"),
        Seen("get pods -n station", r"^tickets-\w+-\w+ .* CrashLoopBackOff +[2-9]"),
    ),
    paste=(
        "get services -n station",
        "describe pod {pod:station/tickets} -n station",
        "logs {pod:station/tickets} -n station",
    ),
    logs={
        "tickets": (
            "> tickets@2.4.1 start",
            "> node server.js",
            "connecting to ticket-postgres:5432/tickets",
            "Error: getaddrinfo ENOTFOUND ticket-postgres",
            "    at GetAddrInfoReqWrap.onlookupall [as oncomplete] (node:dns:122:26) {",
            "  errno: -3008,",
            "  code: 'ENOTFOUND',",
            "  syscall: 'getaddrinfo',",
            "  hostname: 'ticket-postgres'",
            "}",
        )
    },
)

WRONG_PASSWORD = Scenario(
    name="app-credentials-rejected",
    truth=Truth(
        ("Secret", "fleet", "dispatch-db"),
        "the database rejects the password of user dispatch since the Secret was changed",
        ("password", "credential", "authentication", "reject"),
        also_accept=(("Deployment", "fleet", "dispatch"),),
        must_not=(("StatefulSet", "fleet", "fleet-db"),),
    ),
    before=(
        *backdrop("garage", "wrench", work="invoice-run-8"),
        secret("fleet", "dispatch-db", username="dispatch", password="example-one"),
        statefulset("fleet", "fleet-db", port=5432),
        service("fleet", "fleet-db", port=5432, target=5432, clusterIP="10.96.44.12"),
        deployment(
            "fleet",
            "dispatch",
            1,
            {
                **fails("exit-1", while_env="RELEASE=48"),
                "testbed/logs": "dispatch",
                "testbed/logs-previous": "dispatch",
            },
            env=[
                *env(DB_HOST="fleet-db", RELEASE="47"),
                from_secret("DB_USER", "dispatch-db", "username"),
                from_secret("DB_PASSWORD", "dispatch-db", "password"),
            ],
        ),
    ),
    steps=(
        Kubectl('patch secret dispatch-db -n fleet -p \'{"stringData":{"password":"example-two"}}\''),
        Kubectl("set env deployment/dispatch -n fleet RELEASE=48"),
        Seen("get pods -n fleet", r"^dispatch-.* CrashLoopBackOff +[2-9]"),
    ),
    paste=("describe pod {pod:fleet/dispatch} -n fleet", "logs {pod:fleet/dispatch} -n fleet --previous"),
    logs={
        "dispatch": (
            "dispatch 2.4.1: applying pool settings",
            (
                'psycopg.OperationalError: connection failed: connection to server at "10.96.44.12", port 5432 failed: '
                'FATAL:  password authentication failed for user "dispatch"'
            ),
        )
    },
)

CONFIG_FILE = Scenario(
    name="app-config-file-invalid",
    truth=Truth(
        ("ConfigMap", "harbor", "relay-config"),
        "relay.yaml in the ConfigMap is no valid YAML: line 4 mixes a mapping into a value",
        ("config", "yaml", "invalid", "parse"),
        also_accept=(("Deployment", "harbor", "relay"),),
    ),
    before=(
        *backdrop("pier", "ferry"),
        config_map("harbor", "relay-config", relay_yaml="listen: 8080\nupstreams:\n  - name: buoy\n"),
        deployment(
            "harbor",
            "relay",
            2,
            {
                **fails("exit-1", while_env="CONFIG_REVISION=12"),
                "testbed/logs": "relay",
                "testbed/logs-previous": "relay",
            },
            env=env(CONFIG_REVISION="11"),
            args=["--config=/etc/relay/relay.yaml"],
            volumeMounts=[mounted("config", "/etc/relay")[1]],
            pod={"volumes": [mounted("config", "", configMap={"name": "relay-config"})[0]]},
        ),
        service("harbor", "relay"),
    ),
    steps=(
        Kubectl(
            "patch configmap relay-config -n harbor --type=merge -p "
            '\'{"data":{"relay.yaml":"listen: 8080\\nupstreams:\\n  - name: buoy\\n    url: http://buoy: 9000\\n"}}\''
        ),
        Kubectl("set env deployment/relay -n harbor CONFIG_REVISION=12"),
        Seen("get pods -n harbor", r"^relay-.* CrashLoopBackOff +[2-9]"),
    ),
    paste=("describe pod {pod:harbor/relay} -n harbor", "logs {pod:harbor/relay} -n harbor"),
    logs={
        "relay": (
            "relay 2.4.1",
            "reading /etc/relay/relay.yaml",
            "fatal: cannot load /etc/relay/relay.yaml: yaml: line 4: mapping values are not allowed in this context",
        )
    },
)

LIVENESS = Scenario(
    name="probe-liveness-wrong-port",
    truth=Truth(
        ("Deployment", "theatre", "lights"),
        "the liveness probe asks port 8081, where nothing listens; the kubelet ends the container again and again",
        ("liveness", "probe"),
    ),
    before=(*backdrop("cloakroom", "hanger"), deployment("theatre", "lights"), deployment("theatre", "curtain", 2)),
    steps=(
        Kubectl(
            "patch deployment lights -n theatre -p "
            '\'{"spec":{"template":{"metadata":{"annotations":{"testbed/failure":"liveness","testbed/logs":"lights"}},'
            '"spec":{"containers":[{"name":"lights",'
            '"livenessProbe":{"httpGet":{"path":"/healthz","port":8081},"periodSeconds":5}}]}}}}\''
        ),
        Seen("get pods -n theatre", r"^lights-.* CrashLoopBackOff +[2-9]"),
    ),
    paste=("describe pod {pod:theatre/lights} -n theatre", "logs {pod:theatre/lights} -n theatre"),
    logs={"lights": ("lights 2.4.1 starting", "listening on :8080", "scene list loaded, 212 cues")},
)

INIT = Scenario(
    name="init-container-fails",
    truth=Truth(
        ("Deployment", "clinic", "ward"),
        "its init container schema fails: the column it adds is there already",
        ("init", "schema", "already exists"),
    ),
    before=(
        *backdrop("pharmacy", "counter", work="refill-19"),
        statefulset("clinic", "records", port=5432),
        service("clinic", "records", port=5432, target=5432),
        deployment("clinic", "ward", 1),
    ),
    steps=(
        Kubectl(
            "patch deployment ward -n clinic -p "
            '\'{"spec":{"template":{"metadata":{"annotations":{"testbed/failure":"init-crash","testbed/logs.schema":"schema"}},'
            '"spec":{"initContainers":[{"name":"schema","image":"registry.corp.internal/apps/ward-schema:2.5.0"}]}}}}\''
        ),
        Seen("get pods -n clinic", r"^ward-.* Init:CrashLoopBackOff +[2-9]"),
    ),
    paste=("describe pod {pod:clinic/ward} -n clinic", "logs {pod:clinic/ward} -n clinic -c schema"),
    logs={
        "schema": (
            "applying 0041_add_ward_code",
            'ERROR:  column "ward_code" of relation "beds" already exists',
            "migration 0041 failed, rolling back",
        )
    },
)

READINESS = Scenario(
    name="probe-readiness-wrong-path",
    truth=Truth(
        ("Deployment", "bureau", "clerk"),
        "the readiness probe asks /ready, which answers 404: no pod of clerk gets traffic",
        ("readiness", "probe", "404"),
    ),
    before=(
        *backdrop("archive", "shelf"),
        deployment("bureau", "clerk", 2, readinessProbe=http_probe("/readyz", "http")),
        service("bureau", "clerk"),
        deployment("bureau", "stamp", 1),
    ),
    steps=(
        Kubectl(
            "patch deployment clerk -n bureau -p "
            '\'{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null},"template":{"metadata":{"annotations":{'
            '"testbed/failure":"readiness","testbed/period":"2s","testbed/logs":"clerk",'
            '"testbed/message":"HTTP probe failed with statuscode: 404"}},'
            '"spec":{"containers":[{"name":"clerk","readinessProbe":{"httpGet":{"path":"/ready","port":"http"},"periodSeconds":5}}]}}}}\''
        ),
        Seen("get events -n bureau", r"Unhealthy .* statuscode: 404"),
        Seen("get pods -n bureau", r"^clerk-\S+ +0/1 +Running"),
    ),
    paste=(
        "get endpointslices -n bureau",
        "describe pod {pod:bureau/clerk} -n bureau",
        "logs {pod:bureau/clerk} -n bureau",
    ),
    logs={
        "clerk": (
            "clerk 2.4.1 listening on :8080",
            '10.244.1.1 "GET /ready HTTP/1.1" 404',
            '10.244.1.1 "GET /ready HTTP/1.1" 404',
        )
    },
)

CONTAINERS = (
    OOM,
    PANIC,
    BAD_COMMAND,
    MISSING_MODULE,
    WRONG_HOST,
    WRONG_PASSWORD,
    CONFIG_FILE,
    LIVENESS,
    INIT,
    READINESS,
)
