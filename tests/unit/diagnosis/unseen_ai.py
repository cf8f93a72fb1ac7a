"""Described failures of AI workloads: models, GPUs, shared memory, collectives, gateways to models."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.unseen import (
    Case,
    base,
    env,
    job_failed,
    put,
    situation,
    svc,
)

Body = dict[str, Any]


@situation("Deployment ai/llm", "401|token|gated|credential", "app.credentials")
def gated_model_without_token() -> Case:
    log = """INFO 03-01 11:58:01 api_server.py:712] vLLM API server version 0.6.3
OSError: You are trying to access a gated repo.
Make sure to have access to it at https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct.
401 Client Error. (Request ID: Root=1-6743a0d1)

Cannot access gated repo for url https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/resolve/main/config.json.
Access to model meta-llama/Llama-3.1-8B-Instruct is restricted. You must have access to it and be authenticated to access it. Please log in.
"""
    return put(base(), "llm", ns="ai", states="crash:1", logs=log)


@situation("Deployment ai/llm", "memory|gpu|kv cache|cuda", "app.memory|cuda.oom")
def vllm_model_does_not_fit_the_gpu() -> Case:
    log = """INFO 03-01 11:58:01 model_runner.py:1014] Starting to load model...
ERROR 03-01 11:58:41 engine.py:366] CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of 23.65 GiB of which 92.44 MiB is free.
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of 23.65 GiB of which 92.44 MiB is free. Process 71 has 23.55 GiB memory in use.
"""
    return put(base(), "llm", ns="ai", states="crash:1", logs=log)


@situation("Deployment ai/llm", "max_model_len|max seq len|kv cache|context", "app.")
def vllm_context_longer_than_cache() -> Case:
    log = """ERROR 03-01 11:58:41 engine.py:366] The model's max seq len (131072) is larger than the maximum number of tokens that can be stored in KV cache (39984). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.
ValueError: The model's max seq len (131072) is larger than the maximum number of tokens that can be stored in KV cache (39984). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.
"""
    return put(base(), "llm", ns="ai", states="crash:1", logs=log)


@situation("Deployment ai/llm", "model|path|exist|/models/llama-7b", "app.config|app.model")
def model_path_is_wrong() -> Case:
    log = """OSError: Incorrect path_or_model_id: '/models/llama-7b'. Please provide either the path to a local folder or the repo_id of a model on the Hub.
"""
    return put(base(), "llm", ns="ai", containers={"vllm": {"args": ["--model", "/models/llama-7b"]}}, states="crash:1", logs=log)  # fmt: skip


@situation("Job ai/train", "shared memory|shm|/dev/shm|bus error", "app.|nccl.shm")
def dataloader_runs_out_of_shared_memory() -> Case:
    log = """ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).
Traceback (most recent call last):
  File "/workspace/train.py", line 88, in <module>
    for batch in loader:
RuntimeError: DataLoader worker (pid 77) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.
"""
    return put(base(), "train", ns="ai", kind="Job", states="failed:1", logs=log, status=job_failed())


@situation("Job ai/train", "nccl|master|rendezvous|train-0|connect|resolve|timeout", "app.|train.")
def torchrun_cannot_reach_its_master() -> Case:
    log = """[W socket.cpp:601] [c10d] The client socket has failed to connect to [train-master]:29500 (errno: 110 - Connection timed out).
torch.distributed.DistNetworkError: The client socket has timed out after 300s while trying to connect to (train-master, 29500).
"""
    return put(base(), "train", ns="ai", kind="Job", containers={"t": {"env": env(MASTER_ADDR="train-master", MASTER_PORT="29500")}}, states="failed:1", logs=log, status=job_failed())  # fmt: skip


@situation("Deployment ai/triton", "model|config.pbtxt|tensorrt|version|load", "app.")
def triton_cannot_load_a_model() -> Case:
    log = """I0301 11:58:01.101 1 model_lifecycle.cc:461] loading: resnet:1
E0301 11:58:03.202 1 model_lifecycle.cc:621] failed to load 'resnet' version 1: Internal: unable to load plan file to auto complete config: /models/resnet/1/model.plan
error: creating server: Internal - failed to load all models
"""
    return put(base(), "triton", ns="ai", states="crash:1", logs=log)


@situation("Deployment ai/llm", "cuda|driver|nvidia|gpu", "app.|cuda.init")
def no_cuda_driver_on_the_node() -> Case:
    log = "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx\n"
    return put(base(), "llm", ns="ai", states="crash:1", logs=log)


@situation("Deployment ai/embed", "egress|policy|resolve|huggingface|deny", "netpol.|app.dependency")
def model_download_cannot_resolve_the_hub() -> Case:
    log = "requests.exceptions.ConnectionError: (MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /sentence-transformers/all-MiniLM-L6-v2/resolve/main/config.json (Caused by NameResolutionError(\\\"<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to resolve 'huggingface.co' ([Errno -3] Temporary failure in name resolution)\\\"))\"), '(Request ID: 1)')\n"
    return put(base(), "embed", ns="ai", states="crash:1", logs=log)


@situation("ConfigMap ai/litellm|Deployment ai/gateway", "8001|port", "configuration.|app.dependency")
def llm_gateway_routes_to_a_wrong_port() -> Case:
    made = svc(put(base(), "vllm", ns="ai"), "vllm", 8000, ns="ai")
    made.add(
        "ConfigMap",
        "litellm",
        "ai",
        data={
            "config.yaml": "model_list:\n  - model_name: llama\n    litellm_params:\n      model: openai/llama\n      api_base: http://vllm.ai.svc.cluster.local:8001/v1\n"
        },
    )
    log = (
        "litellm.InternalServerError: Connection error. Received Model Group=llama\nhttpx.ConnectError: [Errno 111] Connection refused\n"
        * 10
    )
    main = {
        "volumeMounts": [{"name": "c", "mountPath": "/etc/litellm"}],
        "args": ["--config", "/etc/litellm/config.yaml"],
    }
    return put(
        made,
        "gateway",
        ns="ai",
        containers={"main": main},
        logs=log,
        spec={"volumes": [{"name": "c", "configMap": {"name": "litellm"}}]},
    )


@situation("Deployment ai/predictor", "s3|model|storage|found|denied", "app.|kserve")
def storage_initializer_finds_no_model() -> Case:
    log = 'INFO:root:Copying contents of s3://models/iris to local\nTraceback (most recent call last):\n  File "/storage-initializer/scripts/initializer-entrypoint", line 16, in <module>\n    Storage.download(src_uri, dest_path)\nRuntimeError: Failed to fetch model. No model found in s3://models/iris.\n'
    return put(
        base(),
        "predictor",
        ns="ai",
        init={"storage-initializer": {}},
        states={"storage-initializer": "crash:1"},
        logs={"storage-initializer": log},
    )


@situation("Deployment ai/head|Pod ai/ray-worker", "gcs|6379|head|ray", "")
def ray_worker_waits_for_a_crashing_head() -> Case:
    made = base()
    svc(
        put(
            made,
            "head",
            ns="ai",
            states="crash:1",
            logs="ValueError: Ray component dashboard_agent is trying to use port 8265 which is used by other components.\n",
        ),
        "head-svc",
        6379,
        ns="ai",
        selector={"app": "head"},
    )
    return put(
        made,
        "ray-worker",
        ns="ai",
        kind="Pod",
        init={
            "wait-gcs-ready": {
                "command": ["sh", "-c", "until ray health-check --address head-svc:6379; do sleep 5; done"]
            }
        },
        states={"wait-gcs-ready": "unready"},
        logs={"wait-gcs-ready": "5 seconds elapsed: Waiting for GCS to be ready.\n" * 20},
    )


@situation("Job ai/train", "nccl|timeout|collective|rank", "nccl.")
def collective_times_out() -> Case:
    log = "[rank1]:[E301 11:59:01.101 ProcessGroupNCCL.cpp:616] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1131, OpType=ALLREDUCE, NumelIn=4096, Timeout(ms)=600000) ran for 600031 milliseconds before timing out.\ntorch.distributed.elastic.multiprocessing.errors.ChildFailedError: train.py FAILED\n"
    return put(base(), "train", ns="ai", kind="Job", states="failed:1", logs=log, status=job_failed())


@situation("Job ai/train", "checkpoint|corrupt|model|load|key", "app.model")
def checkpoint_is_damaged() -> Case:
    log = "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory\n"
    return put(base(), "train", ns="ai", kind="Job", states="failed:1", logs=log, status=job_failed())


@situation("Deployment ai/llm", "tensor|gpu|world size", "cuda.init|app.config")
def more_shards_than_gpus() -> Case:
    log = "ValueError: The number of required GPUs exceeds the total number of available GPUs in the placement group. tensor_parallel_size (4) is larger than the number of available GPUs (1).\n"
    return put(base(), "llm", ns="ai", states="crash:1", logs=log)
