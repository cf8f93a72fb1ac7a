{{- /* Shared by every node template. Variables: $failure, $now, $bad (the condition that is wrong, or ""), $event. */ -}}
{{- define "event" -}}
apiVersion: v1
kind: Event
metadata:
  name: {{ printf "%s.%s" .node.metadata.name (sha256sum (printf "%s|%s|%s" .node.metadata.uid .reason .now) | trunc 16) | quote }}
  namespace: default
type: Normal
reason: {{ .reason }}
message: {{ printf "Node %s status is now: %s" .node.metadata.name .reason | quote }}
count: 1
firstTimestamp: {{ .now | quote }}
lastTimestamp: {{ .now | quote }}
involvedObject: {kind: Node, name: {{ .node.metadata.name | quote }}, uid: {{ .node.metadata.uid | quote }}}
source: {component: kubelet, host: {{ .node.metadata.name | quote }}}
reportingComponent: kubelet
reportingInstance: {{ .node.metadata.name | quote }}
{{- end -}}

{{- define "conditions" -}}
{{- $since := dict -}}
{{- range ((.node.status | default dict).conditions | default list) -}}{{- $_ := set $since (printf "%s=%s" .type .status) .lastTransitionTime -}}{{- end -}}
{{- $p := . -}}
{{- $sound := list
  (list "MemoryPressure" "False" "KubeletHasSufficientMemory" "kubelet has sufficient memory available")
  (list "DiskPressure" "False" "KubeletHasNoDiskPressure" "kubelet has no disk pressure")
  (list "PIDPressure" "False" "KubeletHasSufficientPID" "kubelet has sufficient PID available")
  (list "Ready" "True" "KubeletReady" "kubelet is posting ready status") -}}
{{- $broken := dict
  "MemoryPressure" (list "MemoryPressure" "True" "KubeletHasInsufficientMemory" "kubelet has insufficient memory available")
  "DiskPressure" (list "DiskPressure" "True" "KubeletHasDiskPressure" "kubelet has disk pressure")
  "PIDPressure" (list "PIDPressure" "True" "KubeletHasInsufficientPID" "kubelet has insufficient PID available")
  "Ready" (list "Ready" "False" "KubeletNotReady" .message) -}}
{{- range $sound }}
{{- $row := ternary (get $broken (index . 0)) . (eq (index . 0) $p.bad) }}
- type: {{ index $row 0 }}
  status: {{ index $row 1 | quote }}
  reason: {{ index $row 2 }}
  message: {{ index $row 3 | toJson }}
  lastHeartbeatTime: {{ $p.now | quote }}
  lastTransitionTime: {{ get $since (printf "%s=%s" (index $row 0) (index $row 1)) | default $p.now | quote }}
{{- end -}}
{{- end -}}

{{- $now := dateInZone "2006-01-02T15:04:05Z" now "UTC" -}}
{{- $a := .metadata.annotations | default dict -}}
{{- $failure := get $a "testbed/node-failure" -}}
{{- $bad := get (dict "not-ready" "Ready" "disk-pressure" "DiskPressure" "memory-pressure" "MemoryPressure" "pid-pressure" "PIDPressure") $failure -}}
{{- $message := get $a "testbed/message" | default "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized" -}}
{{- $was := "" -}}
{{- range ((.status | default dict).conditions | default list) -}}
{{- if or (and (eq .type "Ready") (ne .status "True")) (and (hasSuffix "Pressure" .type) (eq .status "True")) -}}{{- $was = .type -}}{{- end -}}
{{- end -}}
{{- $begins := dict "Ready" "NodeNotReady" "DiskPressure" "NodeHasDiskPressure" "MemoryPressure" "NodeHasInsufficientMemory" "PIDPressure" "NodeHasInsufficientPID" -}}
{{- $ends := dict "DiskPressure" "NodeHasNoDiskPressure" "MemoryPressure" "NodeHasSufficientMemory" "PIDPressure" "NodeHasSufficientPID" -}}
{{- $event := ternary (get $begins $bad) (get $ends $was | default "NodeReady") (ne $bad "") -}}
