"""Described failures of AI systems' resources, written before the rules of custom resources were read.

First run: 10 of 15 right (one of them by a word of the container's name only).
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c3 import adopt, app, blind, calm, change, condition, custom, ports, put, svc, world
from tests.unit.diagnosis.blind_custom import operator
from tests.unit.diagnosis.unseen import Case, job_failed

Body = dict[str, Any]
KF, RAY, KSERVE = "kubeflow.org/v1", "ray.io/v1", "serving.kserve.io/v1beta1"
GPU: Body = {"resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}}}


def farm(*namespaces: str) -> Case:
    """The usual neighbours and two nodes with GPUs."""
    made = world("ml", *namespaces)
    for name in ("g1", "g2"):
        made.node(name, cpu="64", memory="512Gi", capacity={"nvidia.com/gpu": "4"}, labels={"nvidia.com/gpu.present": "true"})  # fmt: skip
    return made


def pending(made: Case, name: str, ns: str, message: str) -> Case:
    """Take a pod's node and running state away: nobody placed it."""
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"] == name:
            body["spec"].pop("nodeName", None)
            body["status"] = {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", message)]}  # fmt: skip
    return made.event("Pod", name, ns, "FailedScheduling", message, count=20)


@blind("PyTorchJob ml/finetune|Pod ml/finetune-worker-1", "cuda|out of memory")
def a_training_worker_runs_out_of_gpu_memory() -> Case:
    made = operator(farm(), "training-operator", "kubeflow")
    custom(made, "PyTorchJob", "finetune", "ml", KF, condition("Created", "True", "PyTorchJobCreated"), condition("Running", "False", "PyTorchJobRunning"), condition("Failed", "True", "PyTorchJobFailed", "PyTorchJob finetune is failed because 1 Worker replica(s) failed."), replicaStatuses={"Master": {"active": 1}, "Worker": {"failed": 1, "active": 1}})  # fmt: skip
    for name, state, text in (("finetune-master-0", "ok", "[rank0]:[W301 11:40:00] waiting\n"), ("finetune-worker-0", "ok", ""), ("finetune-worker-1", "failed:1", '[rank2]: Traceback (most recent call last):\n[rank2]:   File "/w/train.py", line 212, in <module>\n[rank2]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.94 GiB. GPU 0 has a total capacity of 79.11 GiB of which 1.02 GiB is free.\n')):  # fmt: skip
        put(made, name, ns="ml", kind="Pod", states=state, containers={"pytorch": GPU}, nodes=("g1",), logs=text, spec={"restartPolicy": "Never"}, phase="Failed" if state != "ok" else "Running")  # fmt: skip
        adopt(made, "Pod", name, "ml", ("PyTorchJob", "finetune", KF))
    return made


@blind("MPIJob ml/allreduce|Pod ml/allreduce-worker-1|Job ml/allreduce-launcher", "gpu")
def an_mpi_launcher_waits_for_a_worker_without_gpu() -> Case:
    made = operator(farm(), "mpi-operator", "mpi-operator")
    owner = ("MPIJob", "allreduce", "kubeflow.org/v2beta1")
    custom(made, "MPIJob", "allreduce", "ml", owner[2], condition("Created", "True", "MPIJobCreated"), condition("Running", "False", "MPIJobRunning"), replicaStatuses={"Launcher": {"active": 1}, "Worker": {"active": 1}})  # fmt: skip
    eight = {"resources": {"limits": {"nvidia.com/gpu": "4"}, "requests": {"nvidia.com/gpu": "4"}}}
    put(made, "other-tenant", ns="ml", kind="Pod", containers={"main": eight}, nodes=("g2",))
    for name in ("allreduce-worker-0", "allreduce-worker-1"):
        put(made, name, ns="ml", kind="Pod", containers={"mpi": eight}, nodes=("g1",))
        adopt(made, "Pod", name, "ml", owner)
    pending(made, "allreduce-worker-1", "ml", "0/5 nodes are available: 3 node(s) didn't match Pod's node affinity/selector, 2 Insufficient nvidia.com/gpu. preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.")  # fmt: skip
    put(made, "allreduce-launcher", ns="ml", kind="Job", states="crash:1", spec={"restartPolicy": "OnFailure"}, status={"active": 1}, logs="ssh: Could not resolve hostname allreduce-worker-1.allreduce.ml.svc: Name or service not known\n")  # fmt: skip
    return adopt(made, "Job", "allreduce-launcher", "ml", owner)


@blind("TrainJob ml/bert|ClusterTrainingRuntime torch-distributd", "runtime|torch-distributd")
def a_train_job_names_a_runtime_that_does_not_exist() -> Case:
    made = operator(farm(), "trainer-controller-manager", "kubeflow-system")
    custom(made, "ClusterTrainingRuntime", "torch-distributed", "", "trainer.kubeflow.org/v1alpha1", spec={"template": {}})  # fmt: skip
    text = 'clustertrainingruntimes.trainer.kubeflow.org "torch-distributd" not found'
    custom(made, "TrainJob", "bert", "ml", "trainer.kubeflow.org/v1alpha1", condition("Failed", "True", "TrainingRuntimeNotSupported", text), spec={"runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime", "name": "torch-distributd"}})  # fmt: skip
    return made.event("TrainJob", "bert", "ml", "TrainJobResourcesCreationFailed", f"Reconciling: {text}", count=12)


@blind("LeaderWorkerSet ml/llama|StatefulSet ml/llama|StatefulSet ml/llama-0", "image|pull|not found|tag")
def a_leader_worker_sets_workers_cannot_pull() -> Case:
    made = operator(farm(), "lws-controller-manager", "lws-system")
    lws = "leaderworkerset.x-k8s.io/v1"
    custom(made, "LeaderWorkerSet", "llama", "ml", lws, condition("Progressing", "True", "GroupsProgressing", "Replicas are progressing"), condition("Available", "False", "GroupsNotReady"), spec={"replicas": 1, "leaderWorkerTemplate": {"size": 2}}, replicas=1, readyReplicas=0)  # fmt: skip
    put(made, "llama", ns="ml", kind="StatefulSet", containers={"vllm": {**GPU, **ports(8000)}}, nodes=("g1",), logs="INFO waiting for 1 more ray workers\n")  # fmt: skip
    adopt(made, "StatefulSet", "llama", "ml", ("LeaderWorkerSet", "llama", lws))
    put(made, "llama-0", ns="ml", kind="StatefulSet", states="wait:ImagePullBackOff", containers={"vllm": {**GPU, "image": "registry.example/vllm:0.9.99"}}, nodes=("g2",), outer={"ordinals": {"start": 1}})  # fmt: skip
    adopt(made, "StatefulSet", "llama-0", "ml", ("Pod", "llama-0", "v1"))
    return made.event("Pod", "llama-0-0", "ml", "Failed", 'Failed to pull image "registry.example/vllm:0.9.99": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/vllm:0.9.99": failed to resolve reference "registry.example/vllm:0.9.99": registry.example/vllm:0.9.99: not found')  # fmt: skip


@blind(
    "InferenceService ml/sentiment|Secret ml/s3-creds|ServiceAccount ml/sentiment|Deployment ml/sentiment-predictor",
    "403|forbidden|storage|download|s3|access",
)
def a_models_download_is_forbidden() -> Case:
    made = operator(farm(), "kserve-controller-manager", "kserve")
    custom(made, "InferenceService", "sentiment", "ml", KSERVE, condition("PredictorReady", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."), condition("IngressReady", "False", "", "Predictor is not ready"), condition("Ready", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."), spec={"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/sentiment"}}}, modelStatus={"transitionStatus": "BlockedByFailedLoad", "states": {"targetModelState": "FailedToLoad"}, "lastFailureInfo": {"reason": "ModelLoadFailed", "exitCode": 1, "message": "botocore.exceptions.ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden"}})  # fmt: skip
    put(made, "sentiment-predictor", ns="ml", containers={"kserve-container": ports(8080)}, init={"storage-initializer": {"args": ["s3://models/sentiment", "/mnt/models"]}}, states={"storage-initializer": "crash:1"}, logs={"storage-initializer": "Initializing, args: src_uri [('s3://models/sentiment')] dest_path [('/mnt/models')]\nTraceback (most recent call last):\n  File \"/storage-initializer/scripts/initializer-entrypoint\", line 57, in <module>\nbotocore.exceptions.ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden\n"})  # fmt: skip
    return adopt(made, "Deployment", "sentiment-predictor", "ml", ("InferenceService", "sentiment", KSERVE))


@blind("InferenceService ml/fraud", "runtime|onnxx|support")
def no_serving_runtime_supports_the_model_format() -> Case:
    made = operator(farm(), "kserve-controller-manager", "kserve")
    custom(made, "ClusterServingRuntime", "kserve-tritonserver", "", "serving.kserve.io/v1alpha1", spec={"supportedModelFormats": [{"name": "onnx"}]})  # fmt: skip
    return custom(made, "InferenceService", "fraud", "ml", KSERVE, condition("PredictorReady", "False", ""), condition("Ready", "False", ""), spec={"predictor": {"model": {"modelFormat": {"name": "onnxx"}, "storageUri": "pvc://m/fraud"}}}, modelStatus={"transitionStatus": "InvalidSpec", "lastFailureInfo": {"reason": "NoSupportingRuntime", "message": "No runtime found to support specified framework/version"}})  # fmt: skip


@blind("RayCluster ml/tune|Pod ml/tune-gpu-worker-b", "gpu")
def a_ray_worker_group_gets_no_gpus() -> Case:
    made = operator(farm(), "kuberay-operator", "kuberay")
    custom(made, "RayCluster", "tune", "ml", RAY, condition("HeadPodReady", "True", "HeadPodRunningAndReady"), condition("RayClusterProvisioned", "False", "RayClusterPodsProvisioning", "RayCluster Pods are being provisioned for the first time"), spec={"headGroupSpec": {}, "workerGroupSpecs": [{"groupName": "gpu", "replicas": 1}]}, desiredWorkerReplicas=1, availableWorkerReplicas=0)  # fmt: skip
    put(made, "tune-head", ns="ml", kind="Pod", containers={"ray-head": ports(6379)})
    put(made, "tune-gpu-worker-b", ns="ml", kind="Pod", containers={"ray-worker": {"resources": {"limits": {"nvidia.com/gpu": "8"}, "requests": {"nvidia.com/gpu": "8"}}}})  # fmt: skip
    for name in ("tune-head", "tune-gpu-worker-b"):
        adopt(made, "Pod", name, "ml", ("RayCluster", "tune", RAY))
    return pending(made, "tune-gpu-worker-b", "ml", "0/5 nodes are available: 5 Insufficient nvidia.com/gpu. preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.")  # fmt: skip


@blind("RayJob ml/etl", "modulenotfound|module|polars")
def a_ray_job_fails_for_a_missing_module() -> Case:
    made = operator(farm(), "kuberay-operator", "kuberay")
    custom(made, "RayJob", "etl", "ml", RAY, spec={"entrypoint": "python etl.py"}, jobStatus="FAILED", jobDeploymentStatus="Failed", reason="AppFailed", message="Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 chars):\nTraceback (most recent call last):\n  File \"/home/ray/etl.py\", line 2, in <module>\n    import polars\nModuleNotFoundError: No module named 'polars'", rayClusterName="etl-x2")  # fmt: skip
    custom(made, "RayCluster", "etl-x2", "ml", RAY, condition("RayClusterProvisioned", "True", "AllPodRunningAndReadyFirstTime"), owner=("RayJob", "etl", RAY), state="ready")  # fmt: skip
    put(made, "etl", ns="ml", kind="Job", states="failed:1", spec={"restartPolicy": "Never"}, status=job_failed(), logs="2026-03-01 11:40:00,001 ERR cli.py:73 -- Job 'etl-abc' failed\n")  # fmt: skip
    return adopt(made, "Job", "etl", "ml", ("RayJob", "etl", RAY))


@blind("RayService ml/chat", "importerror|import|deploy_failed|deployment")
def a_ray_serve_application_cannot_be_imported() -> Case:
    made = operator(farm(), "kuberay-operator", "kuberay")
    apps = {"chat": {"status": "DEPLOY_FAILED", "message": "Deploying app 'chat' failed with exception:\nTraceback (most recent call last):\nImportError: cannot import name 'build_app' from 'serve_chat' (/home/ray/serve_chat.py)", "serveDeploymentStatuses": {}}}  # fmt: skip
    return custom(made, "RayService", "chat", "ml", RAY, condition("Ready", "False", "ZeroServeEndpoints", "Number of serve endpoints is 0"), condition("UpgradeInProgress", "False", "NoPendingCluster"), spec={"serveConfigV2": ""}, serviceStatus="", activeServiceStatus={"applicationStatuses": apps, "rayClusterName": "chat-1"})  # fmt: skip


@blind("Queue research|PodGroup ml/pg-sim|Job ml/sim", "queue|capab|exceed|quota|cpu")
def a_volcano_queue_is_full() -> Case:
    made = operator(farm(), "volcano-scheduler", "volcano-system")
    volcano = "scheduling.volcano.sh/v1beta1"
    custom(made, "Queue", "research", "", volcano, spec={"capability": {"cpu": "8"}, "reclaimable": True}, state="Open", allocated={"cpu": "8"}, running=2, pending=1)  # fmt: skip
    made.add("Job", "sim", "ml", api="batch.volcano.sh/v1alpha1", spec={"minAvailable": 4, "queue": "research", "schedulerName": "volcano"}, status={"state": {"phase": "Pending"}, "minAvailable": 4, "pending": 4})  # fmt: skip
    return custom(made, "PodGroup", "pg-sim", "ml", volcano, condition("Unschedulable", "True", "NotEnoughResources", "4/4 tasks in gang unschedulable: pod group is not ready, 4 Pending, 4 minAvailable; queue resource quota insufficient: insufficient cpu"), spec={"minMember": 4, "queue": "research", "minResources": {"cpu": "16"}}, phase="Pending")  # fmt: skip


@blind("DaemonSet gpu-operator/nvidia-driver-daemonset|ClusterPolicy cluster-policy", "kernel|headers")
def the_gpu_driver_does_not_build_for_the_nodes_kernel() -> Case:
    made = operator(farm("gpu-operator"), "gpu-operator", "gpu-operator-system")
    custom(made, "ClusterPolicy", "cluster-policy", "", "nvidia.com/v1", condition("Ready", "False", "OperandNotReady", "ClusterPolicy is not ready, states not ready: [state-driver state-container-toolkit state-device-plugin]"), condition("Error", "False"), state="notReady")  # fmt: skip
    put(made, "nvidia-driver-daemonset", ns="gpu-operator", kind="DaemonSet", nodes=("g1", "g2"), states="crash:1", containers={"nvidia-driver-ctr": {}}, logs="Resolving Linux kernel version...\nCould not resolve Linux kernel version\nInstalling Linux kernel headers...\nE: Unable to locate package linux-headers-6.8.0-1031-aws\nStopping NVIDIA persistence daemon...\n")  # fmt: skip
    adopt(made, "DaemonSet", "nvidia-driver-daemonset", "gpu-operator", ("ClusterPolicy", "cluster-policy", "nvidia.com/v1"))  # fmt: skip
    for name in ("nvidia-device-plugin-daemonset", "nvidia-container-toolkit-daemonset"):
        put(made, name, ns="gpu-operator", kind="DaemonSet", nodes=("g1", "g2"), containers={"main": {}}, init={"driver-validation": {}}, states={"driver-validation": "unready"}, logs={"driver-validation": "waiting for nvidia drivers to be loaded\n" * 4})  # fmt: skip
    return made


@blind("NIMCache ml/llama-cache|Secret ml/ngc-api", "401|unauthorized|ngc|api key|auth")
def a_nim_cache_may_not_download_its_model() -> Case:
    made = operator(farm(), "k8s-nim-operator", "nim-operator")
    made.add("Secret", "ngc-api", "ml", type="Opaque", data={"NGC_API_KEY": ""})
    custom(made, "NIMCache", "llama-cache", "ml", "apps.nvidia.com/v1alpha1", condition("NIM_CACHE_JOB_FAILED", "True", "JobFailed", "The Job to cache NIM failed. Error: 401 Unauthorized from https://api.ngc.nvidia.com"), spec={"source": {"ngc": {"authSecret": "ngc-api"}}}, state="Failed")  # fmt: skip
    put(made, "llama-cache-job", ns="ml", kind="Job", states="failed:1", spec={"restartPolicy": "Never"}, status=job_failed(), logs="ERROR nim_hub_ngc: Error: Authentication error: 401 Unauthorized, check NGC_API_KEY\n")  # fmt: skip
    adopt(made, "Job", "llama-cache-job", "ml", ("NIMCache", "llama-cache", "apps.nvidia.com/v1alpha1"))
    return custom(made, "NIMService", "llama", "ml", "apps.nvidia.com/v1alpha1", condition("Ready", "False", "NotReady", "NIMCache llama-cache not ready"), spec={"storage": {"nimCache": {"name": "llama-cache"}}}, state="NotReady")  # fmt: skip


@blind("Workflow ml/nightly-eval", "exit code 3|dataset|evaluate|validation")
def an_argo_workflow_step_fails() -> Case:
    made = operator(farm(), "workflow-controller", "argo")
    owner = ("Workflow", "nightly-eval", "argoproj.io/v1alpha1")
    nodes = {"n-1": {"displayName": "prepare", "type": "Pod", "phase": "Succeeded"}, "n-2": {"displayName": "evaluate", "type": "Pod", "phase": "Failed", "message": "main: Error (exit code 3)", "templateName": "evaluate"}}  # fmt: skip
    custom(made, "Workflow", "nightly-eval", "ml", owner[2], condition("PodRunning", "False"), condition("Completed", "True"), phase="Failed", message="child 'nightly-eval-evaluate-77' failed", nodes=nodes)  # fmt: skip
    put(made, "nightly-eval-evaluate-77", ns="ml", kind="Pod", states="failed:3", phase="Failed", spec={"restartPolicy": "Never"}, logs="ValueError: validation dataset is empty: s3://eval/2026-03-01/ holds 0 files\n")  # fmt: skip
    return adopt(made, "Pod", "nightly-eval-evaluate-77", "ml", owner)


@blind("SparkApplication ml/aggregate|Pod ml/aggregate-driver", "classnotfound|class|jar")
def a_spark_driver_lacks_its_class() -> Case:
    made = operator(farm(), "spark-operator", "spark")
    owner = ("SparkApplication", "aggregate", "sparkoperator.k8s.io/v1beta2")
    custom(made, "SparkApplication", "aggregate", "ml", owner[2], spec={"mainClass": "org.acme.Aggregat", "mainApplicationFile": "local:///opt/app.jar"}, applicationState={"state": "FAILED", "errorMessage": "driver container failed with ExitCode: 101, Reason: Error"}, driverInfo={"podName": "aggregate-driver"})  # fmt: skip
    put(made, "aggregate-driver", ns="ml", kind="Pod", states="failed:101", phase="Failed", spec={"restartPolicy": "Never"}, logs="26/03/01 11:41:00 WARN NativeCodeLoader: Unable to load native-hadoop library for your platform... using builtin-java classes where applicable\nError: Failed to load class org.acme.Aggregat.\njava.lang.ClassNotFoundException: org.acme.Aggregat\n")  # fmt: skip
    return adopt(made, "Pod", "aggregate-driver", "ml", owner)


@blind("SeldonDeployment ml/iris|Deployment ml/iris-default", "model|pickle|load|unpickl|sklearn")
def a_seldon_model_cannot_be_loaded() -> Case:
    made = operator(farm(), "seldon-controller-manager", "seldon-system")
    owner = ("SeldonDeployment", "iris", "machinelearning.seldon.io/v1")
    custom(made, "SeldonDeployment", "iris", "ml", owner[2], condition("Ready", "False", "Not all deployments ready"), state="Failed", deploymentStatus={"iris-default": {"replicas": 1}})  # fmt: skip
    app(made, "iris-default", 9000, ns="ml", states="crash:1", logs="ModuleNotFoundError: No module named 'sklearn.ensemble.forest'\nFailed to load model /mnt/models/model.joblib\n")  # fmt: skip
    return adopt(made, "Deployment", "iris-default", "ml", owner)


@calm
def ai_systems_that_run() -> Case:
    made = operator(farm(), "kuberay-operator", "kuberay")
    custom(made, "RayCluster", "live", "ml", RAY, condition("HeadPodReady", "True", "HeadPodRunningAndReady"), condition("RayClusterProvisioned", "True", "AllPodRunningAndReadyFirstTime"), condition("RayClusterSuspended", "False", "RayClusterSuspended"), state="ready", desiredWorkerReplicas=2, availableWorkerReplicas=2)  # fmt: skip
    custom(made, "RayService", "ok", "ml", RAY, condition("Ready", "True", "NonZeroServeEndpoints"), condition("UpgradeInProgress", "False", "NoPendingCluster"), serviceStatus="Running", activeServiceStatus={"applicationStatuses": {"a": {"status": "RUNNING"}}})  # fmt: skip
    custom(made, "InferenceService", "ok", "ml", KSERVE, condition("PredictorReady", "True"), condition("Ready", "True"), condition("Stopped", "False"), modelStatus={"transitionStatus": "UpToDate", "states": {"activeModelState": "Loaded"}})  # fmt: skip
    custom(made, "PyTorchJob", "done", "ml", KF, condition("Created", "True", "PyTorchJobCreated"), condition("Running", "False", "PyTorchJobRunning"), condition("Succeeded", "True", "PyTorchJobSucceeded"))  # fmt: skip
    custom(made, "Workflow", "w", "ml", "argoproj.io/v1alpha1", condition("PodRunning", "False"), condition("Completed", "True"), phase="Succeeded")  # fmt: skip
    custom(made, "ClusterPolicy", "cluster-policy", "", "nvidia.com/v1", condition("Ready", "True", "Reconciled"), condition("Error", "False"), state="ready")  # fmt: skip
    custom(made, "SparkApplication", "s", "ml", "sparkoperator.k8s.io/v1beta2", applicationState={"state": "COMPLETED"})
    return svc(change(app(made, "llm", ns="ml"), "Deployment", "llm", "ml"), "llm-metrics", 9090, 8080, ns="ml", selector={"app": "llm"})  # fmt: skip
