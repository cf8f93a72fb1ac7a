"""The typed change that a command becomes is the change that kubectl would have made."""

from __future__ import annotations

import json

import pytest

from guardrails.kubectl.asked import asked
from guardrails.kubectl.commands import ChangeCommand
from guardrails.kubectl.compiling import compiled
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.kubectl.tokens import cut
from guardrails.operations import (
    Amount,
    Annotate,
    Cascade,
    ChangeIntent,
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
)

WEB = Target("web", "Deployment", "shop")
NODE = Target("n1", "Node")
REPLICAS = json.dumps({"spec": {"replicas": 4}})


def _intent(line: str) -> ChangeIntent:
    command = compiled(cut(line))
    assert isinstance(command, ChangeCommand)
    return command.intent


@pytest.mark.parametrize(
    ("line", "intent"),
    [
        ("kubectl scale deploy web --replicas=3 -n shop", Scale(WEB, 3)),
        ("kubectl -n shop scale --replicas 0 deployments.apps/web", Scale(WEB, 0)),
        ("kubectl rollout restart deploy/web -nshop", Restart(WEB)),
        ("kubectl rollout undo deploy/web -n=shop", Rollback(WEB, 0)),
        ("kubectl rollout undo deploy web --to-revision 3 --namespace shop", Rollback(WEB, 3)),
        ("kubectl rollout pause deploy/web -n shop", Pause(WEB)),
        ("kubectl rollout resume deploy/web -n shop", Resume(WEB)),
        ("kubectl set image deploy/web web=r/a:2 side=r/b@sha256:" + "a" * 64 + " -n shop",
         SetImage(WEB, (ContainerImage("web", "r/a:2"), ContainerImage("side", "r/b@sha256:" + "a" * 64)))),
        ("kubectl set env deploy/web LOG=debug 'MSG=a b' OLD- -n shop",
         SetEnv(WEB, (EnvValue("LOG", "debug"), EnvValue("MSG", "a b"), EnvValue("OLD", None)))),
        ("kubectl set env deploy/web -c web,side EMPTY= -n shop", SetEnv(WEB, (EnvValue("EMPTY", ""),), ("web", "side"))),
        ("kubectl set resources deploy web -c web --limits=cpu=1,memory=1Gi --requests=cpu=100m -n shop",
         SetResources(WEB, ("web",), (Amount("cpu", "100m"),), (Amount("cpu", "1"), Amount("memory", "1Gi")))),
        ("kubectl label deploy web tier=front old- -n shop", Label(WEB, (Mark("tier", "front"), Mark("old", None)))),
        ("kubectl label --overwrite deploy web tier=front -n shop", Label(WEB, (Mark("tier", "front"),), overwrite=True)),
        ("kubectl annotate deploy web 'note=two words' -n shop", Annotate(WEB, (Mark("note", "two words"),))),
        ("kubectl cordon n1", Cordon(NODE)),
        ("kubectl uncordon node/n1", Uncordon(NODE)),
        ("kubectl drain n1 --ignore-daemonsets --delete-emptydir-data --force --grace-period=30 --timeout=5m",
         Drain(NODE, ignore_daemonsets=True, delete_emptydir_data=True, unmanaged=True, grace_seconds=30)),
        ("kubectl taint nodes n1 a=b:NoSchedule c=:NoExecute old- gone:NoSchedule-",
         Taint(NODE, (NewTaint("a", "b", TaintEffect.NO_SCHEDULE), NewTaint("c", "", TaintEffect.NO_EXECUTE)),
               (OldTaint("old"), OldTaint("gone", TaintEffect.NO_SCHEDULE)))),
        ("kubectl delete pod web-0 -n shop", Evict(Target("web-0", "Pod", "shop"))),
        ("kubectl delete pod/web-0 --grace-period=10 -n shop", Evict(Target("web-0", "Pod", "shop"), 10)),
        ("kubectl delete deploy web --cascade=orphan -n shop", Delete(WEB, Cascade.ORPHAN)),
        ("kubectl delete deploy web --cascade -n shop", Delete(WEB)),
        ("kubectl delete deploy web --cascade foreground -n shop", None),
        ("kubectl create job now --from=cronjob/nightly -n shop", CreateJob(Target("nightly", "CronJob", "shop"), "now")),
        (f"kubectl patch deploy web -p '{REPLICAS}' -n shop", Scale(WEB, 4)),
        (f"kubectl patch deploy web --type merge -p '{REPLICAS}' -n shop", Scale(WEB, 4)),
        ("kubectl patch cronjob nightly -p '{\"spec\":{\"suspend\":true}}'", Suspend(Target("nightly", "CronJob"))),
        ("kubectl patch deploy web -p '{\"spec\":{\"minReadySeconds\":5}}' -n shop", PatchFields(WEB, (FieldValue("/spec/minReadySeconds", "5"),))),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"remove\",\"path\":\"/spec/minReadySeconds\"}]' -n shop",
         PatchFields(WEB, (FieldValue("/spec/minReadySeconds", ""),))),
        ("kubectl patch deploy web -p '{\"metadata\":{\"labels\":{\"a\":\"b\",\"c\":null}}}' -n shop",
         Label(WEB, (Mark("a", "b"), Mark("c", None)), overwrite=True)),
    ],
)  # fmt: skip
def test_a_command_becomes_its_typed_change(line: str, intent: ChangeIntent | None) -> None:
    if intent is None:
        # `--cascade foreground`: the flag takes a value only after "=", so the word is one more name, as in kubectl.
        with pytest.raises(KubectlRefused, match="left over"):
            compiled(cut(line))
        return
    assert _intent(line) == intent


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("kubectl patch deploy web -p '{\"spec\":{\"replicas\":true}}'", "whole number"),
        ("kubectl patch deploy web -p '{\"spec\":{\"replicas\":3,\"paused\":true}}'", "/spec/replicas"),
        ("kubectl patch deploy web -p 'not json'", "not JSON"),
        ("kubectl patch deploy web -p '[]'", "not a JSON object"),
        ("kubectl patch deploy web -p '{}'", "names no field"),
        ("kubectl patch deploy web --type=json -p '{}'", "list of operations"),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"test\",\"path\":\"/a\"}]'", "add, replace and remove"),
        ("kubectl patch deploy web -p '" + '{"a":' * 40 + "1" + "}" * 40 + "'", "nested too deeply"),
        ("kubectl set env deploy/web =x", "NAME=VALUE"),
        ("kubectl set env deploy/web A=1 A=2", "named twice"),
        ("kubectl set resources deploy web --limits=cpu=1,cpu=2", "named twice"),
        ("kubectl set resources deploy web", "--requests or --limits"),
        ("kubectl set image deploy/web", "which container"),
        ("kubectl taint nodes n1 a=b", "no effect"),
        ("kubectl taint nodes n1 a=b:Never", "EFFECT"),
        ("kubectl scale deploy web", "--replicas"),
        ("kubectl create job x", "only from a CronJob"),
        ("kubectl delete pod web --cascade=orphan", "no meaning"),
        ("kubectl rollout restart job/x", "not for a Job"),
        ("kubectl scale service.serving.knative.dev/x --replicas=1", "never"),
        ("kubectl patch services.serving.knative.dev x -p '{\"spec\":{\"selector\":{\"a\":\"b\"}}}'", "never"),
    ],
)  # fmt: skip
def test_a_change_that_is_not_one_operation_on_one_object_is_refused_with_its_reason(line: str, reason: str) -> None:
    with pytest.raises(KubectlRefused, match=reason):
        compiled(cut(line))


def test_words_of_a_person_and_of_kubectl_end_in_the_same_change() -> None:
    assert (
        asked(("scale deploy/web to 3 in shop",))[0]
        == asked(("kubectl", "scale", "deploy/web", "--replicas=3", "-n", "shop"))[0]
    )
    assert asked(("kubectl scale deploy/web --replicas=3",))[1] == "kubectl scale deploy/web --replicas=3"
