"""The sentences that ask for a change, and what happens to all others."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.errors import IntentError
from guardrails.intent import nearest_sentence, parse_intent
from guardrails.operations import (
    Amount,
    Annotate,
    ContainerImage,
    Cordon,
    CreateJob,
    Delete,
    Drain,
    EnvValue,
    Evict,
    FieldValue,
    Label,
    Mark,
    NewTaint,
    OldTaint,
    PatchFields,
    Pause,
    Restart,
    Resume,
    Rollback,
    Scale,
    SetEnv,
    SetImage,
    SetResources,
    Suspend,
    Taint,
    TaintEffect,
    Target,
    Uncordon,
    Unsuspend,
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("scale web to 3", Scale(Target("web"), 3)),
        ("scale deploy/web to 3", Scale(Target("web", "Deployment"), 3)),
        ("Scale deployment web in shop to 3 replicas", Scale(Target("web", "Deployment", "shop"), 3)),
        ("scale the sts/db to 0 pods in namespace data", Scale(Target("db", "StatefulSet", "data"), 0)),
        ("scale rs/web-5d to 1 replica", Scale(Target("web-5d", "ReplicaSet"), 1)),
        ("scale deployment.apps/web.v2 to 12", Scale(Target("web.v2", "Deployment"), 12)),
        ("restart deploy/web", Restart(Target("web", "Deployment"))),
        ("RESTART   daemonset  agent in monitoring", Restart(Target("agent", "DaemonSet", "monitoring"))),
        ("rollout restart statefulset/db", Restart(Target("db", "StatefulSet"))),
        ("restart deploy", Restart(Target("deploy"))),
        ("scale ds to 2", Scale(Target("ds"), 2)),
        ("roll back web", Rollback(Target("web"))),
        ("rollout undo deploy/web in shop to revision 3", Rollback(Target("web", "Deployment", "shop"), 3)),
        (
            "set image deploy/web web=repo.io:5000/app:2@sha256:ab in shop",
            SetImage(Target("web", "Deployment", "shop"), (ContainerImage("web", "repo.io:5000/app:2@sha256:ab"),)),
        ),
        ("set image web to nginx:2", SetImage(Target("web"), (ContainerImage("", "nginx:2"),))),
        (
            "set resources web container app requests cpu=1,memory=1Gi limits cpu=2 in shop",
            SetResources(
                Target("web", None, "shop"),
                ("app",),
                (Amount("cpu", "1"), Amount("memory", "1Gi")),
                (Amount("cpu", "2"),),
            ),
        ),
        (
            "set env web container app LOG=debug OLD- in shop",
            SetEnv(Target("web", None, "shop"), (EnvValue("LOG", "debug"), EnvValue("OLD", None)), ("app",)),
        ),
        (
            "patch hpa/web /spec/maxReplicas=5",
            PatchFields(Target("web", "HorizontalPodAutoscaler"), (FieldValue("/spec/maxReplicas", "5"),)),
        ),
        (
            "patch cm/x /data/a=b=c /data/b-",
            PatchFields(Target("x", "ConfigMap"), (FieldValue("/data/a", '"b=c"'), FieldValue("/data/b", ""))),
        ),
        (
            "label deploy/web a=b c- overwriting",
            Label(Target("web", "Deployment"), (Mark("a", "b"), Mark("c", None)), overwrite=True),
        ),
        ("annotate no/n1 note=x", Annotate(Target("n1", "Node"), (Mark("note", "x"),))),
        ("cordon node n1", Cordon(Target("n1", "Node"))),
        ("uncordon n1", Uncordon(Target("n1"))),
        ("drain n1", Drain(Target("n1"))),
        (
            "drain node/n1 ignoring daemonsets and deleting emptydir data and including unmanaged pods",
            Drain(Target("n1", "Node"), ignore_daemonsets=True, delete_emptydir_data=True, unmanaged=True),
        ),
        ("evict web-0 in shop", Evict(Target("web-0", None, "shop"))),
        ("delete pod web-0", Evict(Target("web-0", "Pod"))),
        ("delete job/x in shop", Delete(Target("x", "Job", "shop"))),
        (
            "taint n1 a=b:NoSchedule c:NoExecute- d- overwriting",
            Taint(
                Target("n1"),
                (NewTaint("a", "b", TaintEffect.NO_SCHEDULE),),
                (OldTaint("c", TaintEffect.NO_EXECUTE), OldTaint("d", None)),
                overwrite=True,
            ),
        ),
        ("pause web", Pause(Target("web"))),
        ("resume web", Resume(Target("web"))),
        ("suspend cj/nightly", Suspend(Target("nightly", "CronJob"))),
        ("resume cronjob nightly", Unsuspend(Target("nightly", "CronJob"))),
        ("create job now from nightly in shop", CreateJob(Target("nightly", None, "shop"), "now")),
    ],
)
def test_an_accepted_sentence_means_one_typed_change(words: str, meant: object) -> None:
    assert parse_intent(words) == meant


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("please bump web up to 5", "scale web to 5"),
        ("scale web", "scale web to N"),
        ("scale web to three", "scale web to N"),
        ("scael deploy/web to 3", "scale deploy/web to 3"),
        ("kubectl scale deploy/web --replicas=4 -n shop", "scale deploy/web in shop to 4"),
        ("reboot deployment web now", "restart deployment/web"),
        ("remove pod web-0", "delete pod/web-0"),
        ("", "restart KIND/NAME"),
        ("uncordn node n1", "uncordon n1"),
        ("please drain node n1", "drain n1"),
        ("undo the last release of web", "roll back web"),
        ("upgrade web to nginx:2", "set image web CONTAINER=IMAGE"),
        ("add label team=a to deploy/web", "label deploy/web team=a"),
        ("trigger nightly", "create job JOB from nightly"),
        ("delete web", "delete KIND/web"),
        ("scale pod/web to 3", "scale KIND/web to 3"),
    ],
)
def test_a_refused_sentence_comes_with_the_nearest_accepted_form(words: str, offered: str) -> None:
    with pytest.raises(IntentError) as refused:
        parse_intent(words)
    assert refused.value.hint == f"Try: {offered}"


@pytest.mark.parametrize(
    "words",
    [
        "scale web to 3; rm -rf /",
        "scale web to 3\n",
        "scale web to 3 && restart db",
        "scale web to 3 and restart db",
        "scale $(id) to 3",
        "scale web to -1",
        "scale web to 3.5",
        "scale web to 99999999999",
        "scale wéb to 3",
        "scale web\u202e to 3",
        "scale ../web to 3",
        "scale web/../../x to 3",
        "scale Web to 3",
        "scale web to 3 in Shop",
        "scale web in a to 3 in b",
        "scale daemonset/agent to 3",
        "restart replicaset/web",
        "restart secret/web",
        "restart web db",
        "cordon n1 in shop",
        "cordon n1 n2",
        "delete node n1",
        "delete namespace shop",
        "delete secret x",
        "set image web app=",
        "set env web A",
        "label web",
        "label web a=b c",
        "taint n1 a=b:Nothing",
        "taint n1",
        "drain n1 ignoring everything",
        "create job now",
        "create job Now from nightly",
        "roll back web to revision x",
        "patch web /spec/minReadySeconds",
        "patch web spec=1",
        "set resources web requests cpu",
        "set resources web",
        "delete pod web-0 web-1",
        "evict deploy/web",
        "suspend deploy/web",
        "apply -f x.yaml",
        "scale web to 3" + " " * 1200,
    ],
)
def test_anything_else_is_refused(words: str) -> None:
    with pytest.raises(IntentError):
        parse_intent(words)


@given(st.text(max_size=80))
def test_no_text_at_all_makes_the_reader_crash(words: str) -> None:
    with contextlib.suppress(IntentError):
        assert parse_intent(words).target.name.isascii()


@given(st.text(alphabet="abcdefgsrt-./ 0123456789", max_size=60))
def test_the_offered_form_is_itself_accepted_once_its_capitals_are_filled_in(words: str) -> None:
    offered = nearest_sentence(words).replace("KIND/", "deploy/").replace("NAME", "web").replace(" to N", " to 3")
    for written, filled in (("CONTAINER=IMAGE", "a=b"), ("RESOURCE=AMOUNT", "cpu=1"), ("KEY=VALUE:EFFECT", "a=b:NoExecute"),
                            ("KEY=VALUE", "a=b"), ("/FIELD=VALUE", "/spec/x=1"), ("JOB", "now")):  # fmt: skip
        offered = offered.replace(written, filled)
    assert parse_intent(offered).target.name
