{{/*
How planlift gets its settings: plain ones as environment variables, so that a command run in the
pod (kubectl exec) has them too; secrets as files that variables with the suffix _FILE name.
*/}}

{{/* The variable of a setting (batch.max.records: PLANLIFT_BATCH_MAX_RECORDS). */}}
{{- define "planlift.variable" -}}
PLANLIFT_{{ . | replace "_" "__" | replace "." "_" | upper }}
{{- end }}

{{/* A value as text; Helm reads whole numbers as floating ones. */}}
{{- define "planlift.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* The address of Redis, with the files of TLS as it takes them. */}}
{{- define "planlift.redisUrl" -}}
{{- $redis := .Values.redis }}
{{- $url := required "redis.url: where is Redis? For example --set redis.url=redis://my-redis:6379" $redis.url }}
{{- $files := list }}
{{- if $redis.tls.existingSecret }}
{{- range $name, $key := dict "cacert" $redis.tls.caKey "cert" $redis.tls.certKey "key" $redis.tls.keyKey }}
{{- if $key }}{{ $files = append $files (printf "%s=/etc/planlift/redis-tls/%s" $name $key) }}{{ end }}
{{- end }}
{{- end }}
{{- $url }}{{ if $files }}{{ ternary "&" "?" (contains "?" $url) }}{{ join "&" $files }}{{ end }}
{{- end }}

{{/* Settings as a YAML map; `true` for the service itself, which has more of them than a command. */}}
{{- define "planlift.settings" -}}
{{- $values := (index . 0).Values }}
{{- $isService := index . 1 }}
{{- $kafka := $values.kafka }}
{{- $all := dict }}
{{- range $key, $value := $values.config }}
{{- $_ := set $all $key (include "planlift.text" $value) }}
{{- end }}
{{- $_ := set $all "group.id" $values.groupId }}
{{- range $key := list "events" "requests" "results" "state" }}
{{- $_ := set $all (printf "topic.%s" $key) (index $values.topics $key) }}
{{- end }}
{{- $_ := set $all "topic.partitions" (toString (int $values.topics.partitions)) }}
{{- $_ := set $all "topic.replication.factor" (toString (int $values.topics.replicationFactor)) }}
{{- $_ := set $all "kafka.bootstrap.servers" (required "kafka.bootstrapServers: where is Kafka? For example --set kafka.bootstrapServers=my-kafka:9092" $kafka.bootstrapServers) }}
{{- $sasl := ternary "SASL_" "" (ne $kafka.sasl.mechanism "") }}
{{- $_ := set $all "kafka.security.protocol" (printf "%s%s" $sasl (ternary "SSL" "PLAINTEXT" $kafka.tls.enabled)) }}
{{- if $kafka.tls.existingSecret }}
{{- $place := "/etc/planlift/kafka-tls" }}
{{- with $kafka.tls.caKey }}{{ $_ := set $all "kafka.ssl.ca.location" (printf "%s/%s" $place .) }}{{ end }}
{{- with $kafka.tls.certKey }}{{ $_ := set $all "kafka.ssl.certificate.location" (printf "%s/%s" $place .) }}{{ end }}
{{- with $kafka.tls.keyKey }}{{ $_ := set $all "kafka.ssl.key.location" (printf "%s/%s" $place .) }}{{ end }}
{{- end }}
{{- with $kafka.sasl.mechanism }}{{ $_ := set $all "kafka.sasl.mechanism" . }}{{ end }}
{{- with $kafka.sasl.username }}{{ $_ := set $all "kafka.sasl.username" . }}{{ end }}
{{- with $values.schemaRegistry.url }}
{{- $_ := set $all "schema.registry.url" . }}
{{- $_ := set $all "schema.registry.auto.register" (toString $values.schemaRegistry.autoRegister) }}
{{- end }}
{{- if $values.schemaRegistry.tls.existingSecret }}
{{- $_ := set $all "schema.registry.ssl.ca.location" (printf "/etc/planlift/registry-tls/%s" $values.schemaRegistry.tls.caKey) }}
{{- end }}
{{- if $values.schemas.existingConfigMap }}{{ $_ := set $all "schemas.path" "/etc/planlift/schemas" }}{{ end }}
{{- if $isService }}
{{- if not $values.redis.urlKey }}
{{- $_ := set $all "redis.url" (include "planlift.redisUrl" (index . 0)) }}
{{- end }}
{{- $_ := set $all "http.listen" (printf "%s:%d" $values.http.listenAddress (int $values.http.port)) }}
{{- if include "planlift.catalogueConfigMap" (index . 0) }}
{{- $_ := set $all "catalogue.path" (printf "/etc/planlift/catalogue/%s" $values.catalogue.key) }}
{{- end }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{/* Secrets that are mounted as files, as a YAML map: place: {secret, keys, and settings by key}. */}}
{{- define "planlift.secrets" -}}
{{- $values := (index . 0).Values }}
{{- $isService := index . 1 }}
{{- $kafka := $values.kafka }}
{{- $all := dict }}
{{- with $kafka.tls.existingSecret }}
{{- $files := dict }}
{{- range compact (list $kafka.tls.caKey $kafka.tls.certKey $kafka.tls.keyKey) }}{{ $_ := set $files . "" }}{{ end }}
{{- with $kafka.tls.keyPasswordKey }}{{ $_ := set $files . "kafka.ssl.key.password" }}{{ end }}
{{- $_ := set $all "kafka-tls" (dict "secret" . "files" $files) }}
{{- end }}
{{- with $kafka.sasl.existingSecret }}
{{- $files := dict $kafka.sasl.passwordKey "kafka.sasl.password" }}
{{- with $kafka.sasl.usernameKey }}{{ $_ := set $files . "kafka.sasl.username" }}{{ end }}
{{- $_ := set $all "kafka-sasl" (dict "secret" . "files" $files) }}
{{- end }}
{{- with $values.schemaRegistry.existingSecret }}
{{- $_ := set $all "registry" (dict "secret" . "files" (dict $values.schemaRegistry.userInfoKey "schema.registry.basic.auth.user.info")) }}
{{- end }}
{{- with $values.schemaRegistry.tls.existingSecret }}
{{- $_ := set $all "registry-tls" (dict "secret" . "files" (dict $values.schemaRegistry.tls.caKey "")) }}
{{- end }}
{{- if $isService }}
{{- with $values.redis.existingSecret }}
{{- $key := default $values.redis.passwordKey $values.redis.urlKey }}
{{- $setting := ternary "redis.url" "redis.password" (ne $values.redis.urlKey "") }}
{{- $_ := set $all "redis" (dict "secret" . "files" (dict $key $setting)) }}
{{- end }}
{{- with $values.redis.tls.existingSecret }}
{{- $files := dict }}
{{- range compact (list $values.redis.tls.caKey $values.redis.tls.certKey $values.redis.tls.keyKey) }}{{ $_ := set $files . "" }}{{ end }}
{{- $_ := set $all "redis-tls" (dict "secret" . "files" $files) }}
{{- end }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{- define "planlift.env" -}}
{{- range $key, $value := include "planlift.settings" . | fromYaml }}
- name: {{ include "planlift.variable" $key }}
  value: {{ $value | quote }}
{{- end }}
{{- range $place, $entry := include "planlift.secrets" . | fromYaml }}
{{- range $key, $setting := $entry.files }}
{{- if $setting }}
- name: {{ include "planlift.variable" $setting }}_FILE
  value: /etc/planlift/{{ $place }}/{{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- with (index . 0).Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "planlift.volumeMounts" -}}
{{- $root := index . 0 }}
- name: tmp
  mountPath: /tmp
{{- range $place, $_ := include "planlift.secrets" . | fromYaml }}
- name: {{ $place }}
  mountPath: /etc/planlift/{{ $place }}
  readOnly: true
{{- end }}
{{- if and (index . 1) (include "planlift.catalogueConfigMap" $root) }}
- name: catalogue
  mountPath: /etc/planlift/catalogue
  readOnly: true
{{- end }}
{{- if $root.Values.schemas.existingConfigMap }}
- name: schemas
  mountPath: /etc/planlift/schemas
  readOnly: true
{{- end }}
{{- with $root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "planlift.volumes" -}}
{{- $root := index . 0 }}
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- range $place, $entry := include "planlift.secrets" . | fromYaml }}
- name: {{ $place }}
  secret:
    secretName: {{ $entry.secret | quote }}
    defaultMode: 0440
    items:
      {{- range $key, $_ := $entry.files }}
      - key: {{ $key | quote }}
        path: {{ $key | quote }}
      {{- end }}
{{- end }}
{{- if and (index . 1) (include "planlift.catalogueConfigMap" $root) }}
- name: catalogue
  configMap:
    name: {{ include "planlift.catalogueConfigMap" $root | quote }}
    items:
      - key: {{ $root.Values.catalogue.key | quote }}
        path: {{ $root.Values.catalogue.key | quote }}
{{- end }}
{{- with $root.Values.schemas.existingConfigMap }}
- name: schemas
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- with $root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
