{{/* Names and labels. */}}
{{- define "planlift.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* 52 characters: a StatefulSet's pods get a label of its name and a hash, which may have 63. */}}
{{- define "planlift.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $both .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "planlift.selector" -}}
app.kubernetes.io/name: {{ include "planlift.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "planlift.labels" -}}
{{ include "planlift.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* metadata of an object: include "planlift.metadata" (list $ NAME [LABELS [ANNOTATIONS]]) */}}
{{- define "planlift.metadata" -}}
{{- $root := index . 0 }}
{{- $labels := dict }}{{ if gt (len .) 2 }}{{ $labels = index . 2 }}{{ end }}
{{- $own := dict }}{{ if gt (len .) 3 }}{{ $own = index . 3 }}{{ end -}}
name: {{ index . 1 | quote }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "planlift.labels" $root | nindent 2 }}
  {{- with $labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) $own $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "planlift.serviceAccountName" -}}
{{- $own := ternary (include "planlift.fullname" .) "default" .Values.serviceAccount.create }}
{{- default $own .Values.serviceAccount.name }}
{{- end }}

{{- define "planlift.image" -}}
{{- $image := .Values.image }}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{- define "planlift.catalogueConfigMap" -}}
{{- if .Values.catalogue.content }}{{ include "planlift.fullname" . }}-catalogue
{{- else }}{{ .Values.catalogue.existingConfigMap }}{{ end }}
{{- end }}
