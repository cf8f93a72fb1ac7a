"""The story of `kubectl copilot demo`: a shop is down because someone scaled one service to zero at night."""

from datetime import timedelta

from .manifests import (
    backdrop,
    config_map,
    deployment,
    env,
    fails,
    http_probe,
    ingress,
    ingress_controller,
    job,
    secret,
    service,
    statefulset,
)
from .scenario import Apply, Kubectl, Object, Scenario, Seen, TimePasses, Truth

PAYMENTS_IP = "10.96.118.24"
READY = {"readinessProbe": http_probe("/ready", "http")}


def _app(name: str, replicas: int = 2, **variables: str) -> tuple[Object, Object]:
    return deployment("shop", name, replicas, env=env(**variables), **READY), service("shop", name, port=8080)


def _store(name: str, port: int) -> tuple[Object, Object]:
    return statefulset("shop", name, port=port), service("shop", name, port=port, target=port)


_EXPORT = (
    '[{"op":"replace","path":"/status/containerStatuses/0/restartCount","value":3},'
    '{"op":"add","path":"/status/containerStatuses/0/lastState","value":{"terminated":'
    '{"exitCode":137,"reason":"OOMKilled","startedAt":"{now}","finishedAt":"{now}"}}}]'
)

SHOP = Scenario(
    name="shop-down",
    truth=Truth(
        ("Deployment", "shop", "payments"),
        "someone scaled payments to 0 replicas at night; checkout cannot reach it and crashes, storefront is unready",
        ("0 replicas", "zero", "scaled"),
        must_not=(
            ("Deployment", "shop", "checkout"), ("Deployment", "shop", "storefront"), ("Deployment", "shop", "catalog"),
            ("Deployment", "shop", "cart"), ("Deployment", "shop", "search"), ("StatefulSet", "shop", "orders-db"),
            ("StatefulSet", "shop", "sessions"), ("Ingress", "shop", "front"), ("Deployment", "monitoring", "prometheus"),
        ),
        notes="a Job of another namespace fails at the same time and has nothing to do with it",
    ),
    before=(
        *ingress_controller(),
        config_map("shop", "features", RECOMMEND="on"),
        secret("shop", "orders-db", password="example"),
        *_store("orders-db", 5432), *_store("sessions", 6379),
        deployment("shop", "payments", 2, env=env(PROVIDER="https://psp.example"), **READY),
        service("shop", "payments", port=8080, clusterIP=PAYMENTS_IP),
        *_app("catalog", SEARCH_URL="http://search:8080"), *_app("search", 1), *_app("cart", SESSIONS="sessions:6379"),
        *_app("checkout", PAYMENTS_URL="http://payments:8080", DB_HOST="orders-db", CART_URL="http://cart:8080"),
        *_app("storefront", 3, CHECKOUT_URL="http://checkout:8080", CATALOG_URL="http://catalog:8080"),
        ingress("shop", "front", "shop.example", ("/", "storefront"), port=8080),
        *backdrop("monitoring", "prometheus", replicas=1),
        *backdrop("data", "warehouse"),
    ),
    seed=(Kubectl(f"patch pod {{pod:monitoring/prometheus}} -n monitoring --subresource=status --type=json -p '{_EXPORT}'"),),
    steps=(
        Kubectl("patch deployment payments -n shop -p '{\"spec\":{\"replicas\":0}}'"),
        Seen("get deployments -n shop", r"^payments +0/0"),
        Kubectl("annotate pods -n shop -l app=checkout testbed/failure=crash-loop testbed/logs=checkout testbed/logs-previous=checkout"),
        Seen("get pods -n shop", r"^checkout-.* CrashLoopBackOff +[1-9]"),
        Kubectl(
            "annotate pods -n shop -l app=storefront testbed/failure=readiness testbed/period=5s testbed/logs=storefront "
            "'testbed/message=HTTP probe failed with statuscode: 503'"
        ),
        Apply((job("data", "nightly-export", {**fails("job-fail"), "testbed/logs": "export"}, spec={"backoffLimit": 1}),)),
        Seen("get pods -n shop", r"^storefront-\S+ +0/1 +Running"),
        TimePasses(timedelta(minutes=26)),
        Seen("get job nightly-export -n data -o yaml", "BackoffLimitExceeded"),
        Seen("get pods -n shop", r"^checkout-.* CrashLoopBackOff +[5-9]"),
    ),
    paste=(
        "get deployments,statefulsets,services,ingress -n shop -o wide", "describe ingress front -n shop", "describe deployment payments -n shop",
        "describe service payments -n shop", "describe pod {pod:shop/checkout} -n shop", "logs {pod:shop/checkout} -n shop",
        "describe pod {pod:shop/storefront} -n shop", "get endpointslices -n shop",
    ),
    logs={
        "checkout": (
            '{"level":"info","service":"checkout","version":"2.4.1","msg":"starting"}',
            '{"level":"info","service":"checkout","msg":"orders-db: connected"}',
            ('{"level":"error","service":"checkout","msg":"payments: Post \\"http://payments:8080/v1/session\\": '
            'dial tcp ' + PAYMENTS_IP + ':8080: connect: connection refused"}'),
            '{"level":"fatal","service":"checkout","msg":"no payment session after 5 attempts, giving up"}',
        ),
        "storefront": (
            "GET /ready 503 upstream checkout:8080 unavailable",
            "GET /ready 503 upstream checkout:8080 unavailable",
        ),
        "export": ("export 2.4.1: uploading part 1", "AccessDenied: s3:PutObject on bucket corp-exports is not allowed"),
    },
    cluster="shop-eu-1",
    lasts=timedelta(0),
    clock="03:14",
)  # fmt: skip
