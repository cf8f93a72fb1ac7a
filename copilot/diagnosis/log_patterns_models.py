"""How AI workloads fail: drivers, GPUs, models, tokenizers, shared memory, collectives. Data only."""

from __future__ import annotations

from copilot.diagnosis.log_pattern import HOST, PORT, rows

MODEL_PATTERNS = (
    *rows(
        "cuda.init", 0.75,
        (r"Found no NVIDIA driver|NVIDIA driver on your system is too old|CUDA driver version is insufficient|nvml error|NVML(?:_ERROR| Shared Library| library| initialization)|[Ff]ailed to initialize NVML|libcuda\.so\.1|driver/library version mismatch|nvidia-container-cli: ", "the container finds no usable NVIDIA driver: it runs on a node without a GPU driver, or asks for no GPU"),
        (r"[Nn]o CUDA(?:-capable)? (?:GPUs are available|device is detected|devices? (?:found|available))|CUDA_ERROR_NO_DEVICE|Torch not compiled with CUDA|torch\.cuda\.is_available\(\) is False|no GPU(?:s)? (?:found|detected|available)|[Ff]ailed to infer device type", "the program finds no GPU (CUDA device): none is requested, or the node offers none"),
        (r"(?:world.size|tensor.parallel.size|[Nn]umber of (?:required|requested) GPUs?).{0,80}(?:larger|greater|more) than.{0,60}(?:available|GPUs)|invalid device ordinal", "it asks for more GPUs than the container has (tensor parallel size, device ordinal)"),
        (r"compute capability|no kernel image is available for execution|not compiled for this (?:GPU|architecture)|Bfloat16 is only supported", "the GPU is too old for what the program asks (compute capability)"),
    ),
    *rows(
        "cuda.oom", 0.75,
        (r"Free memory on device.{0,120}less than desired GPU memory utilization", "the GPU's memory is held by another process: less is free than gpu_memory_utilization asks for"),
        (r"Not enough memory to handle (?P<name>\d{1,9}) prefill tokens", "the GPU's memory has no room for {name} prefill tokens (lower max-batch-prefill-tokens)"),
        (r"CUDA out of memory|OutOfMemoryError: CUDA|CUDA_ERROR_OUT_OF_MEMORY|HIP out of memory|RESOURCE_EXHAUSTED: Out of memory", "the GPU's memory is exhausted (CUDA out of memory)"),
    ),
    *rows(
        "cuda.sticky", 0.7,
        (r"uncorrectable ECC|CUDA error: (?:an illegal memory access|unspecified launch failure|device-side assert)|Xid \(PCI|GPU has fallen off the bus", "the GPU reports a fault (CUDA error)"),
    ),
    *rows(
        "nccl.shm", 0.75,
        (r"insufficient shared memory|out of shared memory|/dev/shm.{0,80}(?:[Nn]o space|full|too small|size)|unable to (?:allocate|open|write).{0,60}shared memory|raise your shared memory limit|DataLoader worker.{0,60}[Bb]us error", "its shared memory is too small (/dev/shm is 64 MiB unless an emptyDir of medium Memory is mounted there)"),
    ),
    *rows(
        "app.credentials.rejected", 0.75,
        (r"gated repo|[Aa]ccess to model \S{1,200} is restricted|must have access to it and be authenticated|Invalid (?:username or password|user token)|HF_TOKEN.{0,60}(?:required|not set|invalid)|huggingface\S{0,200}.{0,80}\b401\b|\b401\b.{0,80}huggingface", "the model hub answers 401: the model is gated or private and no valid token (HF_TOKEN) is given"),
    ),
    *rows(
        "app.model.missing", 0.75,
        (r"Incorrect path_or_model_id: '(?P<name>[^']{1,200})'|(?P<name2>[\w./-]{1,200}) is not a local folder and is not a valid model|[Rr]epository [Nn]ot [Ff]ound for url|Repo id must be in the form|does not appear to have a file named (?P<name3>[\w.-]{1,80})|[Mm]odel (?:path|file|directory|repository) \S{1,200} (?:does not exist|not found)|[Ff]ailed to (?:find|locate) (?:the )?model", "the model it is told to load does not exist there (wrong model path or name)"),
        (r"[Ff]ailed to fetch model|[Nn]o model found in (?P<name>\S{1,200})", "no model is found where it should be ({name})"),
        (r"[Cc]an't (?:load|find) (?:the )?(?:tokenizer|model|configuration|config) (?:for|of|at|files? for) '(?P<name>[^']{1,200})'|[Nn]o file named (?:pytorch_model\.bin|model\.safetensors)", "the model or tokenizer it is told to load does not exist there (wrong model path or name)"),
    ),
    *rows(
        "app.model.missing", 0.75,
        (r"[Tt]he model [`'\"](?P<name>[\w./:-]{1,120})[`'\"] (?:does not exist|was not found|not found)|model [`'\"](?P<name2>[\w./:-]{1,120})[`'\"] not found, try pulling it|[Uu]nknown model:? [`'\"]?(?P<name3>[\w./:-]{1,120})", "the model server it asks serves no model {name}"),
    ),
    *rows(
        "vllm.queue", 0.7,
        (r"(?:preempted|[Pp]reemption).{0,160}not enough KV cache|not enough KV cache space|KV cache (?:usage|pool) .{0,40}(?:full|exceed)|total_num_cumulative_preemption|[Ww]aiting for free (?:KV )?cache blocks", "the KV cache is full while it serves: requests are preempted and wait in the queue"),
    ),
    *rows(
        "app.model.unloadable", 0.72,
        (r"[Ff]ailed to load '?(?P<name>[\w.-]{1,80})'? version \d|failed to load all models", "the model server cannot load its model"),
        (r"SafetensorError|Error while deserializing header|PytorchStreamReader failed|[Ee]rror\(s\) in loading state_dict|invalid load key|checkpoint .{0,120}(?:corrupt|truncated|incomplete)|unexpected EOF.{0,40}checkpoint|gguf.{0,60}(?:invalid|failed)", "the model file or checkpoint is damaged or of another model"),
        (r"trust_remote_code", "the model brings code of its own, and the server may not run it (trust_remote_code is not set)"),
        (r"Model architectures? .{0,120}(?:not supported|failed to be inspected)|does not recognize this architecture|[Uu]nsupported model type", "the server's version does not support the model's architecture"),
        (r"TensorRT.{0,80}(?:version|incompatible)|engine plan file is (?:not compatible|generated on an incompatible)|[Uu]nable to load plan file", "the compiled model (engine plan) does not fit this GPU or version"),
    ),
    *rows(
        "app.config.invalid", 0.75,
        (r"max(?:imum)?[ _](?:seq|model)[ _]len(?:gth)? .{0,60}(?:larger|greater) than.{0,80}|decreasing `?max_model_len|larger than the maximum number of tokens that can be stored in KV cache|maximum (?:model|context) length.{0,80}exceeds?", "the model's context length (max_model_len, max seq len) does not fit the GPU's KV cache"),
        (r"[Nn]o available memory for the cache blocks|gpu_memory_utilization", "the GPU memory left for the KV cache is too small (gpu_memory_utilization)"),
        (r"must be divisible by (?:the )?tensor.parallel", "the tensor parallel size does not divide the model's attention heads"),
    ),
    *rows(
        "nccl.watchdog.early", 0.68,
        (r"collective operation timeout: WorkNCCL\(SeqNum=[12],", "the first collective operation never ended: the workers do not reach each other (NCCL network, interface or firewall)"),
    ),
    *rows(
        "nccl.peer.refused", 0.68,
        (r"socketStartConnect: Connect to \[?" + HOST + r"\]?<" + PORT + r"> failed", "the worker at {host} that it works with has died or does not listen (NCCL)"),
        (r"ncclRemoteError", "another worker of the training died first (ncclRemoteError)"),
    ),
    *rows(
        "nccl.ib.memlock", 0.75,
        (r"Call to ibv_(?:reg_mr|create_qp|create_cq|alloc_pd)\w{0,10} failed", "InfiniBand may not lock memory: the memlock limit of the container is too low (IPC_LOCK, ulimit)"),
    ),
    *rows(
        "nccl.roce.gid", 0.72,
        (r"ibv_modify_qp failed", "the RoCE address it uses is wrong (NCCL_IB_GID_INDEX), or the network does not carry it"),
    ),
    *rows(
        "nccl.ib.unreachable", 0.7,
        (r"Got completion .{0,120}(?:with error|status=) ?12\b", "an InfiniBand peer is unreachable (completion error 12)"),
    ),
    *rows(
        "nccl.segfault", 0.75,
        (r"segfault at .{0,120} in libnccl", "the NCCL library crashed (segfault in libnccl)"),
    ),
    *rows(
        "ray.oom", 0.72,
        (r"killed due to memory pressure \(OOM\)|ray\.exceptions\.OutOfMemoryError", "Ray killed workers because the node's memory ran low (Ray's own monitor, memory_usage_threshold)"),
    ),
    *rows(
        "nccl.watchdog", 0.6,
        (r"NCCL (?:error|WARN.{0,80}(?:[Ee]rror|failed))|ncclSystemError|ncclRemoteError|ncclInternalError|unhandled (?:system|cuda) error|Watchdog caught collective operation timeout|collective operation timeout|[Rr]emote process exited or there was a network error", "collective communication between the workers fails (NCCL)"),
    ),
    *rows(
        "train.rendezvous", 0.65,
        (r"(?:client socket has (?:failed to connect|timed out)|[Rr]endezvous).{0,160}[\[(]" + HOST + r"(?:\]:|, )" + PORT, "the workers cannot meet at the master {host}:{port} (rendezvous)"),
        (r"RendezvousTimeoutError|RendezvousConnectionError|DistNetworkError|DistStoreError|rendezvous.{0,60}(?:failed|timed out|closed)|client socket has (?:failed to connect|timed out)", "the workers cannot meet at the master (rendezvous)"),
    ),
    *rows(
        "kuberay.head", 0.6,
        (r"[Ff]ailed to connect to GCS.{0,60}?" + HOST + r":" + PORT, "Ray's head (GCS) at {host}:{port} cannot be reached"),
        (r"The node with node id: .{0,120}(?:dead|marked dead)|ray\.exceptions\.(?:RayActorError|WorkerCrashedError|NodeDiedError)|The actor died (?:unexpectedly|because)", "a Ray worker or node it needs died"),
    ),
)  # fmt: skip
