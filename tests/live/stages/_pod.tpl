{{- /* Shared by every pod template: what a kubelet would write. The loader puts this file before each of them.
       Variables: $a annotations, $c the failing container's spec, $old its last status, $restarts, $ticks, $id, $now. */ -}}
{{- define "event" -}}
apiVersion: v1
kind: Event
metadata:
  name: {{ printf "%s.%s" .pod.metadata.name (sha256sum (printf "%s|%s|%s|%s" .pod.metadata.uid .reason (.path | default "") .message) | trunc 16) | quote }}
  namespace: {{ .pod.metadata.namespace | quote }}
type: {{ .type | default "Normal" }}
reason: {{ .reason }}
message: {{ .message | toJson }}
count: {{ .count | default 1 }}
firstTimestamp: {{ ((.pod.status | default dict).startTime | default .now) | quote }}
lastTimestamp: {{ .now | quote }}
involvedObject:
  apiVersion: v1
  kind: Pod
  name: {{ .pod.metadata.name | quote }}
  namespace: {{ .pod.metadata.namespace | quote }}
  uid: {{ .pod.metadata.uid | quote }}
  {{- if .path }}
  fieldPath: {{ .path | quote }}
  {{- end }}
source: {component: kubelet, host: {{ .pod.spec.nodeName | quote }}}
reportingComponent: kubelet
reportingInstance: {{ .pod.spec.nodeName | quote }}
{{- end -}}

{{- define "condition" -}}
- type: {{ .type }}
  status: {{ .status | quote }}
  lastProbeTime: null
  lastTransitionTime: {{ .since | quote }}
  observedGeneration: {{ .generation | default 1 }}
  reason: {{ .reason | default "" | quote }}
  message: {{ .message | default "" | toJson }}
{{ end -}}

{{- define "container" -}}
- name: {{ .c.name | quote }}
  image: {{ .c.image | quote }}
  imageID: {{ if .ran }}{{ printf "%s@sha256:%s" (regexReplaceAll "(:[^/:]*)?(@.*)?$" .c.image "") (sha256sum .c.image) | quote }}{{ else }}""{{ end }}
  {{- if .ran }}
  containerID: {{ printf "containerd://%s" (sha256sum (printf "%s/%s/%d" .pod.metadata.uid .c.name .restarts)) | quote }}
  {{- end }}
  ready: {{ .ready }}
  started: {{ .started }}
  restartCount: {{ .restarts }}
  resources: {{ .c.resources | default dict | toJson }}
  state: {{ .state | toJson }}
  lastState: {{ .last | default dict | toJson }}
{{ end -}}

{{- /* The whole status. Arguments: pod now phase; culprit state last restarts ready started ran: the failing container
       ("" for none); calm: state of the other containers (running, waiting or terminated); network: has an address;
       init: done, waiting or the state of the failing init container is given as initState/initLast/initRestarts. */ -}}
{{- define "status" -}}
{{- $p := . -}}
{{- $pod := .pod -}}
{{- $status := $pod.status | default dict -}}
{{- $since := dict -}}
{{- range ($status.conditions | default list) -}}{{- $_ := set $since (printf "%s=%s" .type .status) .lastTransitionTime -}}{{- end -}}
{{- $unready := list -}}
{{- range $pod.spec.containers -}}
{{- if or (and (eq .name $p.culprit) (not $p.ready)) (and (ne .name $p.culprit) (ne $p.calm "running")) -}}{{- $unready = append $unready .name -}}{{- end -}}
{{- end -}}
{{- $generation := int (toString ($pod.metadata.generation | default "1")) -}}
{{- $initialized := eq $p.init "done" -}}
{{- $done := and (eq $p.phase "Succeeded") -}}
phase: {{ $p.phase }}
observedGeneration: {{ $generation }}
startTime: {{ $status.startTime | default (dateInZone "2006-01-02T15:04:05Z" now "UTC") | quote }}
{{- with $p.reason }}
reason: {{ . }}
{{- end }}
{{- with $p.message }}
message: {{ . | toJson }}
{{- end }}
{{- $hosts := NodeIPsWith $pod.spec.nodeName }}
{{- with $hosts }}
hostIP: {{ index . 0 | quote }}
hostIPs: [{ip: {{ index . 0 | quote }}}]
{{- end }}
{{- if $p.network }}
{{- $ip := $status.podIP }}
{{- if not $ip }}{{ $ip = index (PodIPsWith $pod.spec.nodeName (or $pod.spec.hostNetwork false) $pod.metadata.uid $pod.metadata.name $pod.metadata.namespace) 0 }}{{ end }}
podIP: {{ $ip | quote }}
podIPs: [{ip: {{ $ip | quote }}}]
{{- end }}
conditions:
{{ $sandbox := ternary "True" "False" $p.network -}}
{{ template "condition" (dict "type" "PodReadyToStartContainers" "status" $sandbox "generation" $generation "since" (get $since (printf "PodReadyToStartContainers=%s" $sandbox) | default $p.now) "reason" (ternary "" "PodSandboxNotReady" $p.network) "message" (ternary "" "no pod sandbox exists" $p.network)) }}
{{ $value := ternary "True" "False" $initialized -}}
{{ $names := list -}}{{ range ($pod.spec.initContainers | default list) }}{{ $names = append $names .name }}{{ end -}}
{{ template "condition" (dict "type" "Initialized" "status" $value "generation" $generation "since" (get $since (printf "Initialized=%s" $value) | default $p.now) "reason" (ternary (ternary "PodCompleted" "" $done) "ContainersNotInitialized" $initialized) "message" (ternary "" (printf "containers with incomplete status: [%s]" (join " " $names)) $initialized)) }}
{{ $value = ternary "True" "False" (and $initialized (not $unready) (not $done)) -}}
{{ $reason := ternary "" (ternary "PodCompleted" "ContainersNotReady" $done) (eq $value "True") -}}
{{ if and (eq $p.phase "Failed") (not (eq $reason "")) }}{{ $reason = "PodFailed" }}{{ end -}}
{{ $message := ternary "" (printf "containers with unready status: [%s]" (join " " $unready)) (or (eq $value "True") $done (eq $p.phase "Failed")) -}}
{{ range (list "Ready" "ContainersReady") -}}
{{ template "condition" (dict "type" . "status" $value "generation" $generation "since" (get $since (printf "%s=%s" . $value) | default $p.now) "reason" $reason "message" $message) }}
{{ end -}}
{{ range ($pod.spec.readinessGates | default list) -}}
{{ template "condition" (dict "type" .conditionType "status" "True" "generation" $generation "since" (get $since (printf "%s=True" .conditionType) | default $p.now)) }}
{{ end -}}
{{ with $p.disruption -}}
{{ template "condition" (dict "type" "DisruptionTarget" "status" "True" "generation" $generation "since" $p.now "reason" "TerminationByKubelet" "message" .) }}
{{ end -}}
{{ if $pod.spec.initContainers }}
initContainerStatuses:
{{ range $i, $c := $pod.spec.initContainers -}}
{{ $sidecar := eq ($c.restartPolicy | default "") "Always" -}}
{{ if and (eq $p.init "failing") (eq $i 0) -}}
{{ template "container" (dict "pod" $pod "c" $c "ran" true "ready" false "started" false "restarts" $p.initRestarts "state" $p.initState "last" $p.initLast) }}
{{ else if not $initialized -}}
{{ template "container" (dict "pod" $pod "c" $c "ran" false "ready" false "started" false "restarts" 0 "state" (dict "waiting" (dict "reason" "PodInitializing"))) }}
{{ else if $sidecar -}}
{{ template "container" (dict "pod" $pod "c" $c "ran" true "ready" true "started" true "restarts" 0 "state" (dict "running" (dict "startedAt" ($status.startTime | default $p.now)))) }}
{{ else -}}
{{ template "container" (dict "pod" $pod "c" $c "ran" true "ready" true "started" false "restarts" 0 "state" (dict "terminated" (dict "exitCode" 0 "reason" "Completed" "startedAt" ($status.startTime | default $p.now) "finishedAt" ($status.startTime | default $p.now)))) }}
{{ end -}}
{{ end -}}
{{ end }}
containerStatuses:
{{ $was := dict -}}{{ range ($status.containerStatuses | default list) }}{{ $_ := set $was .name . }}{{ end -}}
{{ range $pod.spec.containers -}}
{{ $before := get $was .name | default dict -}}
{{ $began := ((($before.state | default dict).running | default dict).startedAt) | default $p.now -}}
{{ if eq .name $p.culprit -}}
{{ template "container" (dict "pod" $pod "c" . "ran" $p.ran "ready" $p.ready "started" $p.started "restarts" $p.restarts "state" $p.state "last" $p.last) }}
{{ else if eq $p.calm "running" -}}
{{ template "container" (dict "pod" $pod "c" . "ran" true "ready" true "started" true "restarts" (int (toString ($before.restartCount | default 0))) "state" (dict "running" (dict "startedAt" $began)) "last" $before.lastState) }}
{{ else if eq $p.calm "terminated" -}}
{{ template "container" (dict "pod" $pod "c" . "ran" true "ready" false "started" false "restarts" (int (toString ($before.restartCount | default 0))) "state" (dict "terminated" (dict "exitCode" 0 "reason" "Completed" "startedAt" $began "finishedAt" $p.now)) "last" $before.lastState) }}
{{ else -}}
{{ template "container" (dict "pod" $pod "c" . "ran" false "ready" false "started" false "restarts" 0 "state" (dict "waiting" (dict "reason" (ternary "ContainerCreating" "PodInitializing" $initialized)))) }}
{{ end -}}
{{ end -}}
{{- end -}}

{{- $pod := . -}}
{{- $now := dateInZone "2006-01-02T15:04:05Z" now "UTC" -}}
{{- $a := .metadata.annotations | default dict -}}
{{- $failure := get $a "testbed/failure" -}}
{{- $name := get $a "testbed/container" | default (index .spec.containers 0).name -}}
{{- $c := index .spec.containers 0 -}}
{{- range .spec.containers -}}{{- if eq .name $name -}}{{- $c = . -}}{{- end -}}{{- end -}}
{{- $path := printf "spec.containers{%s}" $c.name -}}
{{- $status := .status | default dict -}}
{{- $old := dict -}}
{{- range ($status.containerStatuses | default list) -}}{{- if eq .name $name -}}{{- $old = . -}}{{- end -}}{{- end -}}
{{- $restarts := int (toString ($old.restartCount | default 0)) -}}
{{- $started := (($old.state | default dict).running | default dict).startedAt | default $now -}}
{{- $ticks := int (get $a "testbed/ticks" | default "0") -}}
{{- $id := printf "%s_%s(%s)" .metadata.name .metadata.namespace .metadata.uid -}}
{{- /* How a crash is told. */ -}}
{{- $first := not $status.startTime -}}
{{- $starts := ternary 1 (int (add 2 $restarts)) $first -}}
{{- $waits := list "10s" "20s" "40s" "1m20s" "2m40s" "5m0s" -}}
{{- $backoff := index $waits (int (min 5 $restarts)) -}}
{{- $code := get (dict "oom" "137" "exit-126" "126" "exit-127" "127" "exit-139" "139" "liveness" "137" "startup" "137") $failure | default (get $a "testbed/exit-code") | default "1" | int -}}
{{- $ended := dict "exitCode" $code "reason" (ternary "OOMKilled" "Error" (eq $failure "oom")) "startedAt" $started "finishedAt" $now "containerID" ($old.containerID | default "") -}}
{{- with get $a "testbed/message" -}}{{- if not (has $failure (list "liveness" "startup")) -}}{{- $_ := set $ended "message" . -}}{{- end -}}{{- end -}}
{{- $crashed := dict "waiting" (dict "reason" "CrashLoopBackOff" "message" (printf "back-off %s restarting failed container=%s pod=%s" $backoff $c.name $id)) -}}
{{- /* What a failed probe says, from the probe in the spec. */ -}}
{{- $probe := get (dict "liveness" $c.livenessProbe "startup" $c.startupProbe "readiness" $c.readinessProbe) $failure | default dict -}}
{{- $said := get $a "testbed/message" -}}
{{- if not $said -}}
{{- with $probe.httpGet -}}{{- $said = printf "Get \"%s://%s:%s%s\": dial tcp %s:%s: connect: connection refused" (lower (.scheme | default "http")) ($status.podIP | default "") (toString .port) (.path | default "/") ($status.podIP | default "") (toString .port) -}}{{- end -}}
{{- with $probe.tcpSocket -}}{{- $said = printf "dial tcp %s:%s: connect: connection refused" ($status.podIP | default "") (toString .port) -}}{{- end -}}
{{- with $probe.grpc -}}{{- $said = printf "timeout: failed to connect service \"%s:%s\" within 1s: context deadline exceeded" ($status.podIP | default "") (toString .port) -}}{{- end -}}
{{- if not $said -}}{{- $said = "HTTP probe failed with statuscode: 503" -}}{{- end -}}
{{- end -}}
{{- /* The first init container and how often it fell. */ -}}
{{- $init := dict "name" $c.name "image" $c.image -}}{{- with .spec.initContainers -}}{{- $init = index . 0 -}}{{- end -}}
{{- $initOld := dict -}}{{- with $status.initContainerStatuses -}}{{- $initOld = index . 0 -}}{{- end -}}
{{- $initFalls := ternary 0 (int (add1 (int (toString ($initOld.restartCount | default 0))))) $first -}}
{{- $initPath := printf "spec.initContainers{%s}" $init.name -}}
{{- $initEnded := dict "exitCode" $code "reason" "Error" "startedAt" $now "finishedAt" $now "containerID" (printf "containerd://%s" (sha256sum (printf "%s/%s/%d" .metadata.uid $init.name $initFalls))) -}}
{{- /* Why an image cannot be pulled, as containerd says it. */ -}}
{{- $image := $c.image -}}
{{- $full := $image -}}{{- if not (regexMatch "[.:].*/" $image) -}}{{- $full = ternary (printf "docker.io/%s" $image) (printf "docker.io/library/%s" $image) (contains "/" $image) -}}{{- end -}}
{{- if not (regexMatch "(:[^/]+|@.+)$" $full) -}}{{- $full = printf "%s:latest" $full -}}{{- end -}}
{{- $repository := regexReplaceAll "(:[^/:]*)?(@.*)?$" (regexReplaceAll "^[^/]+/" $full "") "" -}}
{{- $host := regexReplaceAll "/.*$" $full "" -}}
{{- $resolve := printf "failed to pull and unpack image %q: failed to resolve reference %q" $full $full -}}
{{- $pull := get $a "testbed/message" -}}
{{- if not $pull -}}
{{- if eq $failure "image-pull" -}}{{- $pull = printf "rpc error: code = NotFound desc = %s: %s: not found" $resolve $full -}}{{- end -}}
{{- if eq $failure "image-pull-auth" -}}{{- $pull = printf "%s: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials" $resolve -}}{{- end -}}
{{- if eq $failure "image-pull-denied" -}}{{- $pull = printf "%s: unexpected status from HEAD request to https://%s/v2/%s/manifests/%s: 403 Forbidden" $resolve $host $repository (regexFind "[^:]+$" $full) -}}{{- end -}}
{{- if eq $failure "image-pull-network" -}}{{- $pull = printf "%s: failed to do request: Head \"https://%s/v2/%s/manifests/%s\": dial tcp: lookup %s on 10.96.0.10:53: no such host" $resolve $host $repository (regexFind "[^:]+$" $full) $host -}}{{- end -}}
{{- if eq $failure "image-pull-rate" -}}{{- $pull = printf "%s: unexpected status from HEAD request to https://%s/v2/%s/manifests/%s: 429 Too Many Requests" $resolve $host $repository (regexFind "[^:]+$" $full) -}}{{- end -}}
{{- end -}}
{{- $invalid := printf "Failed to apply default image tag %q: couldn't parse image name %q: invalid reference format" $image $image -}}
{{- if ne (lower $repository) $repository -}}{{- $invalid = printf "%s: repository name (%s) must be lowercase" $invalid $repository -}}{{- end -}}
{{- /* What a pod refers to and does not find: the first reference in its spec, or the annotations testbed/object and testbed/key. */ -}}
{{- $configMap := "" -}}{{- $configKey := "" -}}{{- $secret := "" -}}{{- $secretKey := "" -}}
{{- range ($c.envFrom | default list) -}}
{{- with .configMapRef -}}{{- $configMap = $configMap | default .name -}}{{- end -}}
{{- with .secretRef -}}{{- $secret = $secret | default .name -}}{{- end -}}
{{- end -}}
{{- range ($c.env | default list) -}}{{- with .valueFrom -}}
{{- with .configMapKeyRef -}}{{- $configMap = $configMap | default .name -}}{{- $configKey = $configKey | default .key -}}{{- end -}}
{{- with .secretKeyRef -}}{{- $secret = $secret | default .name -}}{{- $secretKey = $secretKey | default .key -}}{{- end -}}
{{- end -}}{{- end -}}
{{- $configMap = get $a "testbed/object" | default $configMap | default "settings" -}}
{{- $secret = get $a "testbed/object" | default $secret | default "credentials" -}}
{{- $configKey = get $a "testbed/key" | default $configKey | default "key" -}}
{{- $secretKey = get $a "testbed/key" | default $secretKey | default "key" -}}
{{- $missing := get $a "testbed/message" -}}
{{- if not $missing -}}
{{- $missing = get (dict
  "config-error-configmap" (printf "configmap %q not found" $configMap)
  "config-error-secret" (printf "secret %q not found" $secret)
  "config-error-configmap-key" (printf "couldn't find key %s in ConfigMap %s/%s" $configKey .metadata.namespace $configMap)
  "config-error-secret-key" (printf "couldn't find key %s in Secret %s/%s" $secretKey .metadata.namespace $secret)
  "config-error-nonroot" (printf "container has runAsNonRoot and image will run as root (pod: \"%s_%s(%s)\", container: %s)" .metadata.name .metadata.namespace .metadata.uid $c.name)
  "run-container-error" (printf "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: \"%s\": executable file not found in $PATH" (index ($c.command | default (list "app")) 0))
  "create-container-error" (printf "failed to generate container %q spec: failed to generate spec: no command specified" (sha256sum (printf "%s/%s" .metadata.uid $c.name)))
) $failure -}}
{{- end -}}
{{- /* Volumes and the sandbox. */ -}}
{{- $volume := get $a "testbed/volume" -}}{{- $kind := "" -}}{{- $source := "" -}}
{{- range (.spec.volumes | default list) -}}
{{- if and (not (hasPrefix "kube-api-access" .name)) (or (not $volume) (eq $volume .name)) -}}
{{- $volume = .name -}}
{{- with .configMap -}}{{- $kind = "configmap" -}}{{- $source = .name -}}{{- end -}}
{{- with .secret -}}{{- $kind = "secret" -}}{{- $source = .secretName -}}{{- end -}}
{{- with .persistentVolumeClaim -}}{{- $kind = "claim" -}}{{- $source = .claimName -}}{{- end -}}
{{- with .hostPath -}}{{- $kind = "hostPath" -}}{{- $source = .path -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $volume = $volume | default "config" -}}{{- $kind = $kind | default "configmap" -}}{{- $source = get $a "testbed/object" | default $source | default "settings" -}}
{{- $mount := get $a "testbed/message" -}}
{{- if not $mount -}}
{{- $why := printf "%s %q not found" $kind $source -}}
{{- if eq $kind "hostPath" -}}{{- $why = printf "hostPath type check failed: %s is not a directory" $source -}}{{- end -}}
{{- if eq $kind "claim" -}}{{- $why = "rpc error: code = DeadlineExceeded desc = context deadline exceeded" -}}{{- end -}}
{{- $mount = printf "MountVolume.SetUp failed for volume %q : %s" (ternary (printf "pvc-%s" .metadata.uid) $volume (eq $kind "claim")) $why -}}
{{- end -}}
{{- $sandbox := get $a "testbed/message" | default (printf "rpc error: code = Unknown desc = failed to setup network for sandbox %q: plugin type=\"bridge\" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.244.2.2-10.244.2.254" (sha256sum (printf "%s/sandbox/%d" .metadata.uid $ticks))) -}}
{{- /* Evictions. */ -}}
{{- $request := (($c.resources | default dict).requests | default dict).memory | default "0" -}}
{{- $evicted := get $a "testbed/message" | default (get (dict
  "evicted-disk" (printf "The node was low on resource: ephemeral-storage. Threshold quantity: 27055317401, available: 24684084Ki. Container %s was using 3142Mi, request is 0, has larger consumption of ephemeral-storage. " $c.name)
  "evicted-memory" (printf "The node was low on resource: memory. Threshold quantity: 100Mi, available: 83564Ki. Container %s was using 6110Mi, request is %s, has larger consumption of memory. " $c.name $request)
) $failure) -}}
