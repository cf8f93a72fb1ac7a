"""Failures of model serving and training, as their programs print them.

Written before any rule was read. First run: 12 of 20 right, none of the quiet ones blamed.
"""

from __future__ import annotations

from tests.unit.diagnosis.blind_shop import Case, alert, quiet, series, situation
from tests.unit.diagnosis.unseen import base, env, job_failed, put, svc

_GPU = {"resources": {"limits": {"nvidia.com/gpu": "1", "memory": "32Gi"}}}
_VLLM = "INFO 03-01 11:40:01 [api_server.py:1043] vLLM API server version 0.8.5\nINFO 03-01 11:40:09 [config.py:717] This model supports multiple tasks: {'generate'}. Defaulting to 'generate'.\n"


def _lab() -> Case:
    made = base()
    made.node("gpu-1", cpu="32", memory="256Gi", capacity={"nvidia.com/gpu": "2"})
    made.add("Namespace", "lab")
    svc(put(made, "gateway", ns="lab", containers={"litellm": {"ports": [{"containerPort": 4000}]}}, logs="INFO:     Uvicorn running on http://0.0.0.0:4000 (Press CTRL+C to quit)\n"), "gateway", 4000, ns="lab")  # fmt: skip
    return put(made, "dcgm-exporter", ns="lab", kind="DaemonSet", nodes=("gpu-1",))


def _serve(name: str, log: str, args: list[str], states: str = "crash:1", **more: str) -> Case:
    made = put(_lab(), name, ns="lab", containers={"server": {**_GPU, "args": args, "env": env(**more), "ports": [{"containerPort": 8000}]}}, states=states, logs=log, nodes=("gpu-1",))  # fmt: skip
    return svc(made, name, 8000, ns="lab")


def _train(log: str, spec: dict[str, object] | None = None) -> Case:
    return put(_lab(), "finetune", ns="lab", kind="Job", containers={"trainer": {**_GPU, "command": ["torchrun"]}}, states="failed:1", logs=log, status=job_failed(), nodes=("gpu-1",), spec=spec or {})  # fmt: skip


@situation("Deployment lab/chat", "memory|cuda", "app.|cuda")
def weights_do_not_fit() -> Case:
    log = (
        _VLLM
        + "ERROR 03-01 11:41:22 [core.py:396] EngineCore failed to start.\nERROR 03-01 11:41:22 [core.py:396] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 448.00 MiB. GPU 0 has a total capacity of 22.06 GiB of which 204.44 MiB is free. Including non-PyTorch memory, this process has 21.85 GiB memory in use.\nRuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n"
    )
    return _serve("chat", log, ["--model", "mistral-small-24b"])


@situation("Deployment lab/chat", "memory|gpu_memory_utilization|free", "app.|cuda")
def another_process_holds_the_memory_of_the_gpu() -> Case:
    log = (
        _VLLM
        + "ValueError: Free memory on device (3.11/79.15 GiB) on startup is less than desired GPU memory utilization (0.9, 71.24 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.\n"
    )
    return _serve("chat", log, ["--model", "qwen2.5-7b"])


@situation("Deployment lab/chat", "tensor|heads|divisible|parallel", "app.|cuda")
def heads_are_not_divisible() -> Case:
    log = (
        _VLLM
        + "pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig\n  Value error, Total number of attention heads (40) must be divisible by tensor parallel size (3).\n"
    )
    return _serve("chat", log, ["--model", "qwen-14b", "--tensor-parallel-size", "3"])


@situation("Deployment lab/chat", "bfloat16|dtype|compute capability", "app.|cuda")
def card_is_too_old_for_the_type() -> Case:
    log = (
        _VLLM
        + "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has compute capability 7.5. You can use float16 instead by explicitly setting the `dtype` flag in CLI, for example: --dtype=half.\n"
    )
    return _serve("chat", log, ["--model", "gemma-2-9b", "--dtype", "bfloat16"])


@situation("Deployment lab/tgi", "prefill|memory|batch", "app.|cuda")
def tgi_has_no_room_for_prefill() -> Case:
    log = '{"timestamp":"2026-03-01T11:40:11.2Z","level":"INFO","fields":{"message":"Warming up model"},"target":"text_generation_router"}\n{"timestamp":"2026-03-01T11:40:21.2Z","level":"ERROR","fields":{"message":"Method Warmup encountered an error.\\nRuntimeError: Not enough memory to handle 16384 prefill tokens. You need to decrease `--max-batch-prefill-tokens`"},"target":"text_generation_launcher"}\nError: WebServer(Warmup(Generation("Not enough memory to handle 16384 prefill tokens. You need to decrease `--max-batch-prefill-tokens`")))\n'
    return _serve("tgi", log, ["--max-batch-prefill-tokens", "16384"])


@situation("Deployment lab/tgi", "space|disk|weights", "app.|pod.|storage|volume")
def weights_fill_the_disk() -> Case:
    log = '{"timestamp":"2026-03-01T11:40:21.2Z","level":"ERROR","fields":{"message":"Download encountered an error: \\nOSError: [Errno 28] No space left on device: \'/data/models--tiiuae--falcon-40b/blobs/tmp\'"},"target":"text_generation_launcher"}\nError: DownloadError\n'
    return _serve("tgi", log, ["--model-id", "tiiuae/falcon-40b"])


@situation("Deployment lab/embedder", "tokenizer|model", "app.")
def tokenizer_is_not_in_the_directory() -> Case:
    log = "Traceback (most recent call last):\n  File \"/app/serve.py\", line 9, in <module>\n    tok = AutoTokenizer.from_pretrained(\"/models/bge\")\nOSError: Can't load tokenizer for '/models/bge'. If you were trying to load it from 'https://huggingface.co/models', make sure you don't have a local directory with the same name. Otherwise, make sure '/models/bge' is the correct path to a directory containing all relevant files for a BertTokenizerFast tokenizer.\n"
    return _serve("embedder", log, [])


@situation("Deployment lab/chat", "safetensors|corrupt|header|weights|model", "app.")
def weights_are_cut_short() -> Case:
    log = _VLLM + "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer\n"
    return _serve("chat", log, ["--model", "/models/llama"])


@situation("Deployment lab/chat", "model|llama-3-70b|found|repository", "app.")
def model_name_does_not_exist() -> Case:
    log = (
        _VLLM
        + "huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error. (Request ID: Root=1-66)\n\nRepository Not Found for url: https://huggingface.co/api/models/meta/llama-3-70b-instrct/resolve/main/config.json.\nPlease make sure you specified the correct `repo_id` and `repo_type`.\nOSError: meta/llama-3-70b-instrct is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'\n"
    )
    return _serve("chat", log, ["--model", "meta/llama-3-70b-instrct"])


@situation("Deployment lab/chat", "trust_remote_code|custom code", "app.")
def model_needs_its_own_code() -> Case:
    log = (
        _VLLM
        + "ValueError: The repository /models/phi contains custom code which must be executed to correctly load the model. You can inspect the repository content at /models/phi. Please pass the argument `trust_remote_code=True` to allow custom code to be run.\n"
    )
    return _serve("chat", log, ["--model", "/models/phi"])


@situation("Deployment lab/triton", "model|load|ranker", "app.")
def triton_model_file_is_missing() -> Case:
    log = "I0301 11:40:11.101112 1 server.cc:674]\n+--------+---------+--------------------------------------------------------------------------------+\n| Model  | Version | Status                                                                         |\n+--------+---------+--------------------------------------------------------------------------------+\n| ranker | 1       | UNAVAILABLE: Internal: failed to stat file /models/ranker/1/model.onnx        |\n+--------+---------+--------------------------------------------------------------------------------+\nerror: creating server: Internal - failed to load all models\n"
    return _serve("triton", log, ["--model-repository=/models"])


@situation("Deployment lab/chat", "kv cache|waiting|queue|preempt|full", "app.|performance.|vllm.")
def cache_of_keys_is_full_while_serving() -> Case:
    log = (
        _VLLM
        + "WARNING 03-01 11:51:33 [scheduler.py:1754] Sequence group cmpl-81 is preempted by PreemptionMode.RECOMPUTE mode because there is not enough KV cache space. This can affect the end-to-end performance. Increase gpu_memory_utilization or tensor_parallel_size to provide more KV cache memory. total_num_cumulative_preemption=1201\n"
        * 6
    )
    made = _serve("chat", log, ["--model", "qwen2.5-7b"], states="ok")
    series(made, "vllm:gpu_cache_usage_perc", [0.99] * 30, namespace="lab", pod="chat-abc-x0", model_name="qwen2.5-7b")
    series(made, "vllm:num_requests_waiting", [10.0 + 12 * n for n in range(30)], namespace="lab", pod="chat-abc-x0", model_name="qwen2.5-7b")  # fmt: skip
    return alert(made, "HighTimeToFirstToken", "warning", "", namespace="lab", service="chat")


@situation("Job lab/finetune", "nccl|socket|interface|network", "app.|nccl|train")
def nccl_finds_no_interface() -> Case:
    log = "finetune-0:41:41 [0] bootstrap.cc:44 NCCL WARN Bootstrap : no socket interface found\n[rank0]: torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/NCCLUtils.hpp:275, internal error - please report this issue to the NCCL developers, NCCL version 2.20.5\n"
    return put(_lab(), "finetune", ns="lab", kind="Job", containers={"trainer": {**_GPU, "env": env(NCCL_SOCKET_IFNAME="ib0")}}, states="failed:1", logs=log, status=job_failed(), nodes=("gpu-1",))  # fmt: skip


@situation("Job lab/finetune", "shared memory|shm|bus error", "app.|nccl|train")
def loader_worker_is_killed_by_a_bus_error() -> Case:
    log = "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).\nRuntimeError: DataLoader worker (pid 212) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.\n"
    return _train(log)


@situation("Job lab/finetune", "space|disk|checkpoint", "app.|pod.|storage|volume")
def checkpoint_cannot_be_written() -> Case:
    log = "RuntimeError: [enforce fail at inline_container.cc:603] . unexpected pos 4096 vs 3990\n  File \"/usr/lib/python3.11/site-packages/torch/serialization.py\", line 850, in _save\nOSError: [Errno 28] No space left on device: '/ckpt/step-2000/optimizer.pt'\n"
    return _train(log)


@situation("Job lab/finetune", "rendezvous|store|timeout|connect|master", "app.|nccl|train")
def rendezvous_times_out() -> Case:
    log = "torch.distributed.DistStoreError: Timed out after 901 seconds waiting for clients. 1/4 clients joined.\ntorch.distributed.elastic.rendezvous.api.RendezvousTimeoutError\n"
    return _train(log)


@situation("Job lab/finetune", "driver|cuda|version", "app.|cuda")
def driver_is_older_than_the_runtime() -> Case:
    log = "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx\n"
    return _train(log)


@situation("Deployment lab/rag", "dimension|embedding|collection|index", "app.")
def vectors_have_another_dimension() -> Case:
    log = 'ERROR:rag:qdrant_client.http.exceptions.UnexpectedResponse: Unexpected Response: 400 (Bad Request)\nRaw response content:\nb\'{"status":{"error":"Wrong input: Vector dimension error: expected dim: 768, got 1024"},"time":0.001}\'\n'
    return _serve("rag", log * 8, [], states="ok")


@situation("Deployment lab/rag", "collection|not found|index|docs", "app.|db.")
def vector_collection_is_missing() -> Case:
    log = 'ERROR:rag:qdrant_client.http.exceptions.UnexpectedResponse: Unexpected Response: 404 (Not Found)\nRaw response content:\nb\'{"status":{"error":"Not found: Collection `docs` doesn\\\'t exist!"},"time":0.0001}\'\n'
    return svc(put(_serve("rag", log * 8, [], states="ok", QDRANT_URL="http://qdrant:6333"), "qdrant", ns="lab", kind="StatefulSet", containers={"qdrant": {"ports": [{"containerPort": 6333}]}}), "qdrant", 6333, ns="lab")  # fmt: skip


@situation("Deployment lab/gateway2|ConfigMap lab/gateway2", "model|llama3|exist|404", "app.|configuration.")
def gateway_asks_for_a_model_nobody_serves() -> Case:
    log = "litellm.proxy.proxy_server: ERROR - litellm.NotFoundError: NotFoundError: OpenAIException - Error code: 404 - {'object': 'error', 'message': 'The model `llama3` does not exist.', 'type': 'NotFoundError', 'param': None, 'code': 404}\n"
    made = _serve("chat", _VLLM + "INFO:     Application startup complete.\n", ["--model", "/models/llama", "--served-model-name", "llama-3"], states="ok")  # fmt: skip
    put(made, "gateway2", ns="lab", containers={"litellm": {"ports": [{"containerPort": 4000}]}}, logs=log * 8, spec={"volumes": [{"name": "c", "configMap": {"name": "gateway2"}}]})  # fmt: skip
    made.add("ConfigMap", "gateway2", "lab", data={"config.yaml": "model_list:\n- model_name: chat\n  litellm_params:\n    model: openai/llama3\n    api_base: http://chat:8000/v1\n"})  # fmt: skip
    return svc(made, "gateway2", 4000, ns="lab")


@quiet
def a_server_still_loads_its_weights() -> Case:
    log = (
        _VLLM
        + "INFO 03-01 11:59:10 [weight_utils.py:265] Using model weights format ['*.safetensors']\nLoading safetensors checkpoint shards:  25% Completed | 1/4 [00:11<00:33, 11.2s/it]\n"
    )
    made = put(_lab(), "chat", ns="lab", containers={"server": {**_GPU, "startupProbe": {"httpGet": {"path": "/health", "port": 8000}, "failureThreshold": 120, "periodSeconds": 10}}}, states="unready", logs=log, nodes=("gpu-1",), age=90)  # fmt: skip
    return svc(made, "chat", 8000, ns="lab")


@quiet
def a_training_that_goes_on() -> Case:
    log = "W0301 11:30:01.100000 140 torch/distributed/run.py:779] Setting OMP_NUM_THREADS environment variable for each process to be 1 in default, to avoid your system being overloaded\n{'loss': 1.22, 'grad_norm': 0.9, 'epoch': 0.4}\nNCCL version 2.20.5+cuda12.4\n"
    return put(_lab(), "finetune", ns="lab", kind="Job", containers={"trainer": _GPU}, logs=log, status={"active": 1, "ready": 1}, nodes=("gpu-1",))  # fmt: skip
