{{/* What the service's pods, the topics job and the test have in common. */}}
{{- define "planlift.pod" -}}
automountServiceAccountToken: false
# A Service in this namespace whose name begins with "planlift" would else put variables into our
# environment that look like settings, and are none.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with index $.Values $key }}
{{ $key }}: {{ kindIs "string" . | ternary (quote .) (toYaml . | nindent 2) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A container that runs a planlift command: include "planlift.container" (list $ IS_SERVICE ARGS) */}}
{{- define "planlift.container" -}}
{{- $root := index . 0 -}}
image: {{ include "planlift.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
command: [planlift]
args:
  {{- toYaml (index . 2) | nindent 2 }}
env:
  {{- include "planlift.env" . | trim | nindent 2 }}
{{- with $root.Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $root.Values.securityContext | nindent 2 }}
resources:
  {{- toYaml $root.Values.resources | nindent 2 }}
volumeMounts:
  {{- include "planlift.volumeMounts" . | trim | nindent 2 }}
{{- end }}
