"""Configuration and images that are not there."""

from .manifests import (
    backdrop,
    config_map,
    cronjob,
    daemonset,
    deployment,
    env,
    fails,
    from_secret,
    mounted,
    secret,
    service,
    statefulset,
)
from .scenario import Apply, Scenario, Seen, Truth

PULLS = r"ImagePullBackOff|ErrImagePull"

CONFIG_MAP = Scenario(
    name="config-map-missing",
    truth=Truth(
        ("Deployment", "greenhouse", "sprinkler"),
        "it takes its environment from the ConfigMap sprinkler-settings, which does not exist",
        ("sprinkler-settings", "configmap"),
        also_accept=(("ConfigMap", "greenhouse", "sprinkler-settings"),),
    ),
    before=(
        *backdrop("toolshed", "rake"),
        config_map("greenhouse", "thermostat-settings", LOW="14"),
        deployment("greenhouse", "thermostat", 2, envFrom=[{"configMapRef": {"name": "thermostat-settings"}}]),
    ),
    steps=(
        Apply(
            (
                deployment(
                    "greenhouse", "sprinkler", 2, fails("config-error-configmap"),
                    envFrom=[{"configMapRef": {"name": "sprinkler-settings"}}],
                ),
                service("greenhouse", "sprinkler"),
            )
        ),
        Seen("get pods -n greenhouse", r"^sprinkler-.* CreateContainerConfigError"),
        Seen("get events -n greenhouse", r"Failed .*configmap .sprinkler-settings. not found"),
    ),
    paste=("get configmaps -n greenhouse", "describe pod {pod:greenhouse/sprinkler} -n greenhouse"),
)  # fmt: skip

SECRET_VOLUME = Scenario(
    name="secret-volume-missing",
    truth=Truth(
        ("Deployment", "vault", "sealer"),
        "it mounts the Secret sealer-keys, which does not exist",
        ("sealer-keys", "secret"),
        also_accept=(("Secret", "vault", "sealer-keys"),),
    ),
    before=(*backdrop("lobby", "porter", work="visitors-22"), *backdrop("vault", "guard")),
    steps=(
        Apply(
            (
                deployment(
                    "vault", "sealer", 1, fails("failed-mount"),
                    volumeMounts=[mounted("keys", "/etc/keys")[1]],
                    pod={"volumes": [mounted("keys", "", secret={"secretName": "sealer-keys"})[0]]},
                ),
            )
        ),
        Seen("get events -n vault", r"FailedMount .*sealer-keys"),
    ),
    paste=("describe pod {pod:vault/sealer} -n vault", "get deployments,replicasets -n vault"),
)  # fmt: skip

SECRET_KEY = Scenario(
    name="secret-key-missing",
    truth=Truth(
        ("Deployment", "courier", "parcels"),
        "it wants the key api-token of the Secret carrier, which has only token",
        ("api-token", "key"),
        also_accept=(("Secret", "courier", "carrier"),),
    ),
    before=(
        *backdrop("mailroom", "sorter"),
        secret("courier", "carrier", token="example", endpoint="example"),
        deployment("courier", "labels", 1, env=[from_secret("CARRIER_TOKEN", "carrier", "token")]),
    ),
    steps=(
        Apply(
            (
                deployment(
                    "courier", "parcels", 2, fails("config-error-secret-key"),
                    env=[*env(REGION="north"), from_secret("CARRIER_TOKEN", "carrier", "api-token")],
                ),
            )
        ),
        Seen("get pods -n courier", r"^parcels-.* CreateContainerConfigError"),
        Seen("get events -n courier", r"Failed .*find key api-token"),
    ),
    paste=("describe secret carrier -n courier", "describe pod {pod:courier/parcels} -n courier"),
)  # fmt: skip

TAG = Scenario(
    name="image-tag-missing",
    truth=Truth(
        ("StatefulSet", "observatory", "lens"),
        "the tag 4.2.O does not exist in the registry",
        ("tag", "not found", "does not exist", "image"),
    ),
    before=(
        *backdrop("dome", "shutter"),
        statefulset("observatory", "mirror", 2),
        service("observatory", "mirror"),
        service("observatory", "lens"),
    ),
    steps=(
        Apply(
            (statefulset("observatory", "lens", 2, fails("image-pull"), image="registry.corp.internal/sky/lens:4.2.O"),)
        ),
        Seen("get pods -n observatory", rf"^lens-0.* ({PULLS})"),
        Seen("get events -n observatory", r"Failed .*4\.2\.O: not found"),
    ),
    paste=("get statefulsets -n observatory", "describe pod lens-0 -n observatory"),
)

PRIVATE = Scenario(
    name="image-registry-needs-login",
    truth=Truth(
        ("Deployment", "press", "binder"),
        "the registry wants a login and the pod has no pull secret",
        ("pull secret", "imagepullsecret", "credential", "login", "auth"),
        also_accept=(("ServiceAccount", "press", "default"),),
    ),
    before=(*backdrop("newsroom", "ticker", work="digest-901"), *backdrop("press", "inkwell")),
    steps=(
        Apply(
            (
                deployment(
                    "press",
                    "binder",
                    1,
                    fails("image-pull-auth"),
                    image="registry.partner.example/bindery/binder:1.9.2",
                ),
            )
        ),
        Seen("get pods -n press", rf"^binder-.* ({PULLS})"),
        Seen("get events -n press", r"no basic auth credentials"),
    ),
    paste=("describe pod {pod:press/binder} -n press", "get serviceaccount default -n press -o yaml"),
)

UNREACHABLE = Scenario(
    name="image-registry-host-unknown",
    truth=Truth(
        ("Deployment", "quarry", "crusher"),
        "the registry's host name regsitry.corp.internal does not resolve: it is misspelt",
        ("registry", "resolve", "host", "network", "dns"),
    ),
    before=(*backdrop("campsite", "lantern"), *backdrop("quarry", "conveyor")),
    steps=(
        Apply(
            (
                deployment(
                    "quarry",
                    "crusher",
                    2,
                    fails("image-pull-network"),
                    image="regsitry.corp.internal/apps/crusher:2.4.1",
                ),
            )
        ),
        Seen("get pods -n quarry", rf"^crusher-.* ({PULLS})"),
        Seen("get events -n quarry", r"no such host"),
    ),
    paste=("describe pod {pod:quarry/crusher} -n quarry",),
)

RATE = Scenario(
    name="image-pull-rate-limit",
    truth=Truth(
        ("DaemonSet", "watchtower", "lookout"),
        "Docker Hub answers 429: too many pulls without a login",
        ("rate", "429", "too many", "toomanyrequests"),
        also_accept=(("Pod", "watchtower", "lookout-*"),),
    ),
    before=(*backdrop("barracks", "bugle"), deployment("watchtower", "signal", 1)),
    steps=(
        Apply((daemonset("watchtower", "lookout", fails("image-pull-rate"), image="grafana/promtail:3.5.0"),)),
        Seen("get pods -n watchtower", rf"^lookout-.* ({PULLS})"),
        Seen("get events -n watchtower", r"429 Too Many Requests"),
    ),
    paste=("get daemonsets -n watchtower", "describe pod {pod:watchtower/lookout} -n watchtower"),
)

INVALID = Scenario(
    name="image-name-invalid",
    truth=Truth(
        ("CronJob", "dairy", "churn"),
        "the image name holds an upper-case letter, which no image reference may",
        ("invalid", "image", "name", "reference"),
        also_accept=(("Job", "dairy", "churn-*"),),
    ),
    before=(*backdrop("barn", "hayloft", work="count-5"), deployment("dairy", "cooler", 1)),
    steps=(
        Apply(
            (
                cronjob(
                    "dairy",
                    "churn",
                    "* * * * *",
                    fails("image-invalid"),
                    image="registry.corp.internal/Dairy/churn:1.0.3",
                ),
            )
        ),
        Seen("get pods -n dairy", r"^churn-.* InvalidImageName", 150),
        Seen("get events -n dairy", r"InspectFailed"),
    ),
    paste=("get cronjobs,jobs -n dairy", "describe pods -n dairy -l batch.kubernetes.io/job-name"),
)

CONFIG = (CONFIG_MAP, SECRET_VOLUME, SECRET_KEY, TAG, PRIVATE, UNREACHABLE, RATE, INVALID)
