"""A command is found however it was typed, and its output is read as that command's."""

from __future__ import annotations

import pytest

from copilot.model import ReadState, Ref, Snapshot
from tools.cluster.transcript import looks_like_transcript, parse_transcript
from tools.cluster.transcript.invocation import Invocation, parse_command

PODS = "NAME    READY   STATUS    RESTARTS   AGE\nweb-0   1/1     Running   0          5m"


@pytest.mark.parametrize(
    "line",
    [
        "$ kubectl get pods -n shop",
        "# kubectl get pods -n shop",
        "% kubectl get pods -nshop",
        "> kubectl -n shop get pods",
        "kubectl get pods --namespace=shop",
        "k get po -n shop",
        "user@host:~$ kubectl get pods -n shop",
        "user@host:/var/log$ sudo kubectl get pods -n shop",
        "(prod) user@host:~/work (main)$ kubectl get pods -n shop",
        "[root@node ~]# kubectl get pods -n shop",
        "[user@bastion ~]$ oc get pods -n shop",
        "PS C:\\Users\\me> kubectl.exe get pods -n shop",
        "C:\\Users\\me>kubectl get pods -n shop",
        "/ # kubectl get pods -n shop",
        "bash-5.1$ kubectl get pods -n shop",
        "❯ kubectl get pods -n shop",
        "➜  ~ kubectl get pods -n shop",
        "$ watch -n 2 kubectl get pods -n shop",
        "$ KUBECONFIG=x.yaml kubectl get pods -n shop",
        "$ /usr/local/bin/kubectl --context prod get pods -n shop 2>/dev/null",
        "$ microk8s kubectl get pods -n shop",
        "$ kubectl get \\\n  pods -n shop",
        "$ ssh bastion kubectl get pods -n shop",
        "$ kgp -n shop",
    ],
)
def test_a_listing_counts_as_read_whatever_stands_before_it(line: str) -> None:
    snapshot = parse_transcript(f"{line}\n{PODS}\n")
    assert snapshot.coverage.was_read("Pod", "shop")
    assert [item.ref for item in snapshot.resources] == [Ref("Pod", "shop", "web-0")]


@pytest.mark.parametrize(
    "line",
    [
        "$ kubectl get pods -n shop | grep web",
        "$ kubectl get pods -n shop -l app=web",
        "$ kubectl get pod web-0 -n shop",
        "$ kubectl get pods -n shop --field-selector status.phase=Running",
        "$ kubectl get pods -n shop | head -2",
    ],
)
def test_a_narrowed_listing_proves_no_absence(line: str) -> None:
    snapshot = parse_transcript(f"{line}\n{PODS}\n")
    assert not snapshot.coverage.was_read("Pod", "shop")
    assert len(snapshot.resources) == 1


def test_a_pipe_that_keeps_every_line_keeps_the_listing_whole() -> None:
    assert parse_transcript(f"$ kubectl get pods -n shop | sort\n{PODS}").coverage.was_read("Pod", "shop")


def test_rows_without_their_header_are_read_by_kubectls_own_columns() -> None:
    snapshot = parse_transcript(
        "$ kubectl get pods -A | grep web\nshop   web-0   0/1   CrashLoopBackOff   7 (2m ago)   1h\n"
    )
    (pod,) = snapshot.resources
    assert pod.ref == Ref("Pod", "shop", "web-0")
    assert pod.body["status"]["containerStatuses"][0]["restartCount"] == 7


def test_a_table_cut_in_a_line_is_partial_and_says_where() -> None:
    snapshot = parse_transcript("$ kubectl get pods -n shop\n" + PODS + "\nweb-1   0/1     Cra\n")
    assert not snapshot.coverage.was_read("Pod", "shop")
    assert snapshot.coverage.notes == ("paste:4: the output is cut at line 4",)


def test_dots_for_lines_left_out_make_a_table_partial() -> None:
    assert not parse_transcript(f"$ kubectl get pods -n shop\n{PODS}\n...\n").coverage.was_read("Pod", "shop")


def test_nothing_found_counts_as_read_and_empty() -> None:
    snapshot = parse_transcript("$ kubectl get deploy,sts -n shop\nNo resources found in shop namespace.\n")
    assert [(item.kind, item.state, item.count) for item in snapshot.coverage.readings] == [
        ("Deployment", ReadState.READ, 0),
        ("StatefulSet", ReadState.READ, 0),
    ]


def test_a_refusal_is_kept_with_its_sentence() -> None:
    sentence = (
        'Error from server (Forbidden): secrets is forbidden: User "me" cannot list resource "secrets" in API group "" '
        'in the namespace "shop"'
    )
    (reading,) = parse_transcript(f"$ kubectl get secrets -n shop\n{sentence}\n").coverage.readings
    assert (reading.kind, reading.namespace, reading.state, reading.detail) == (
        "Secret",
        "shop",
        ReadState.REFUSED,
        sentence,
    )


def test_a_kind_the_server_does_not_have_is_missing() -> None:
    text = '$ kubectl get widgets\nerror: the server doesn\'t have a resource type "widgets"\n'
    (reading,) = parse_transcript(text).coverage.readings
    assert (reading.kind, reading.state) == ("Widget", ReadState.MISSING)


def test_an_object_not_found_is_noted_and_proves_nothing_about_others() -> None:
    snapshot = parse_transcript('$ kubectl get pod gone -n shop\nError from server (NotFound): pods "gone" not found\n')
    assert snapshot.coverage.notes == ('paste:2: Error from server (NotFound): pods "gone" not found',)
    assert not snapshot.coverage.was_read("Pod", "shop")


def test_the_sessions_namespace_is_followed() -> None:
    text = f"$ kubectl config set-context --current --namespace=shop\nContext modified.\n$ kubectl get pods\n{PODS}\n"
    assert parse_transcript(text).resources[0].ref.namespace == "shop"
    assert parse_transcript(f"$ oc project shop\nok\n$ oc get pods\n{PODS}\n").resources[0].ref.namespace == "shop"
    assert parse_transcript(f"$ kubectl get pods\n{PODS}\n").resources[0].ref.namespace == "default"


def test_an_unknown_command_stays_quotable_text() -> None:
    snapshot = parse_transcript("$ helm ls\nNAME   STATUS\nshop   deployed\n\n$ kubectl get pods -n shop\n" + PODS)
    helm, pods = snapshot.commands
    assert (helm.command, helm.output, helm.source, helm.read) == (
        "helm ls",
        "NAME   STATUS\nshop   deployed",
        "paste:1",
        False,
    )
    assert pods.read
    assert [item.ref.kind for item in snapshot.resources] == ["Pod"]


def test_a_manifest_shown_by_cat_is_not_taken_for_the_cluster() -> None:
    text = "$ cat pod.yaml\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\n"
    assert parse_transcript(text).resources == ()


def test_commands_inside_a_here_document_are_not_run() -> None:
    text = f"$ kubectl apply -f - <<EOF\nkind: ConfigMap\n$ kubectl get pods\n{PODS}\nEOF\nconfigmap/a created\n"
    snapshot = parse_transcript(text)
    assert snapshot.resources == ()
    assert len(snapshot.commands) == 1


def test_a_log_line_that_looks_like_another_prompt_stays_a_log_line() -> None:
    text = f"me@host:~$ kubectl logs web-0 -n shop\nstarting\n# kubectl get pods -n prod\n{PODS}\n"
    snapshot = parse_transcript(text)
    assert snapshot.resources == ()
    assert "kubectl get pods -n prod" in snapshot.logs[0].text


@pytest.mark.parametrize(
    "text", ["", "hello\nworld", "Dear team,\n\nplease look at the shop.\n", "{}", "a: b\n", "NAME\n"]
)
def test_other_text_does_not_look_like_a_transcript(text: str) -> None:
    assert not looks_like_transcript(text)


@pytest.mark.parametrize(
    "text", [PODS, "$ kubectl get pods", "Name:         x\nNamespace:    y\n", "apiVersion: v1\nkind: Pod\n"]
)
def test_output_alone_looks_like_a_transcript(text: str) -> None:
    assert looks_like_transcript(text)


def test_a_pasted_table_without_its_command_is_read_and_proves_no_absence() -> None:
    snapshot = parse_transcript(PODS)
    assert snapshot.resources[0].ref == Ref("Pod", "default", "web-0")
    assert snapshot.coverage.readings == ()


def test_collapsed_blanks_in_a_table_are_read() -> None:
    snapshot = parse_transcript("NAME READY STATUS RESTARTS AGE\nweb-0 0/1 ImagePullBackOff 0 5m\n")
    assert snapshot.resources[0].body["status"]["containerStatuses"][0]["state"] == {
        "waiting": {"reason": "ImagePullBackOff"}
    }


def only(line: str) -> Invocation:
    (found,) = parse_command(line)
    return found


def test_exec_ssh_and_debug_tell_where_a_command_ran() -> None:
    assert only("ssh -i key root@worker-1 sudo systemctl status kubelet").origin == "worker-1"
    assert only("kubectl exec -n shop web-0 -c app -- nc -zv db 5432").origin == "shop/web-0"
    assert (
        only("kubectl debug node/worker-2 -it --image=busybox -- chroot /host journalctl -u kubelet").origin
        == "worker-2"
    )
    assert only("docker exec kind-worker crictl ps").program == "crictl"


def test_commands_joined_on_one_line_are_separate() -> None:
    assert [item.args for item in parse_command("kubectl get pods; kubectl get svc && echo 'a | b'")] == [
        ("pods",),
        ("svc",),
        ("a | b",),
    ]


def snapshot_of_two(first: str, second: str) -> Snapshot:
    return parse_transcript(first + "\n\n" + second)


def test_the_better_detail_of_an_object_wins_and_rows_fill_its_gaps() -> None:
    row = (
        "$ kubectl get pods -n shop -o wide\n"
        "NAME    READY   STATUS    RESTARTS   AGE   IP         NODE   NOMINATED NODE   READINESS GATES\n"
        "web-0   1/1     Running   0          5m    10.0.0.1   n1     <none>           <none>"
    )
    described = "$ kubectl describe pod web-0 -n shop\nName:         web-0\nNamespace:    shop\nStatus:       Pending"
    for snapshot in (snapshot_of_two(row, described), snapshot_of_two(described, row)):
        (pod,) = snapshot.resources
        assert pod.body["status"]["phase"] == "Pending"
        assert pod.body["spec"]["nodeName"] == "n1"


def test_no_owner_is_invented_from_a_pods_name_alone() -> None:
    snapshot = parse_transcript(
        "$ kubectl get pods -n shop\nNAME                   READY   STATUS    RESTARTS   AGE\n"
        "web-6dc9499c58-dbvmf   1/1     Running   0          5m\n"
    )
    assert "ownerReferences" not in snapshot.resources[0].body["metadata"]


def test_an_owner_that_an_event_proves_is_kept() -> None:
    snapshot = parse_transcript(
        "$ kubectl get pods -n shop\nNAME                   READY   STATUS    RESTARTS   AGE\n"
        "web-6dc9499c58-dbvmf   1/1     Running   0          5m\n"
        "$ kubectl get events -n shop\nLAST SEEN   TYPE     REASON             OBJECT                      MESSAGE\n"
        "5m          Normal   SuccessfulCreate   replicaset/web-6dc9499c58   Created pod: web-6dc9499c58-dbvmf\n"
    )
    pod = next(item for item in snapshot.resources if item.ref.kind == "Pod")
    assert pod.body["metadata"]["ownerReferences"][0]["name"] == "web-6dc9499c58"


def test_a_running_jobs_active_pods_are_those_that_were_seen() -> None:
    text = (
        "$ kubectl get jobs,pods -n shop\n"
        "NAME               STATUS    COMPLETIONS   DURATION   AGE\njob.batch/import   Running   0/2           5m         5m\n\n"
        "NAME               READY   STATUS    RESTARTS   AGE\npod/import-4xk2p   1/1     Running   0          5m\n"
        "pod/import-9zqvb   0/1     Error     0          5m\n"
    )
    job = next(item for item in parse_transcript(text).resources if item.ref.kind == "Job")
    assert job.body["status"]["active"] == 1
    assert job.body["spec"]["completions"] == 2
