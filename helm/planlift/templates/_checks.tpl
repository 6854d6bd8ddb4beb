{{/* What the schema cannot say: values that do not go together. Each message names what to change. */}}
{{- define "planlift.checks" -}}
{{- $partitions := int .Values.topics.partitions }}
{{- $scaling := .Values.autoscaling }}
{{- if and (not $scaling.enabled) (gt (int .Values.replicaCount) $partitions) }}
{{- fail (printf "replicaCount is %d, but topics.partitions is %d: more pods than partitions have nothing to do" (int .Values.replicaCount) $partitions) }}
{{- end }}
{{- if $scaling.enabled }}
{{- if gt (int $scaling.maxReplicas) $partitions }}
{{- fail (printf "autoscaling.maxReplicas is %d, but topics.partitions is %d: more pods than partitions have nothing to do" (int $scaling.maxReplicas) $partitions) }}
{{- end }}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) }}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" }}
{{- end }}
{{- if gt (int $scaling.fallbackReplicas) (int $scaling.maxReplicas) }}
{{- fail "autoscaling.fallbackReplicas is above autoscaling.maxReplicas" }}
{{- end }}
{{- if eq .Values.kafka.sasl.mechanism "OAUTHBEARER" }}
{{- fail "autoscaling does not know OAUTHBEARER: leave it off and add a ScaledObject of your own with extraObjects" }}
{{- end }}
{{- end }}
{{- $transaction := int (default 4000 (index .Values.config "kafka.transaction.timeout.ms")) }}
{{- if le (mul 1000 (int .Values.terminationGracePeriodSeconds)) (mul 2 $transaction) }}
{{- fail (printf "terminationGracePeriodSeconds must be above twice kafka.transaction.timeout.ms (%d ms), so that a batch under way can end" $transaction) }}
{{- end }}
{{- if and .Values.catalogue.content .Values.catalogue.existingConfigMap }}
{{- fail "catalogue.content and catalogue.existingConfigMap exclude each other" }}
{{- end }}
{{- $sasl := .Values.kafka.sasl }}
{{- if and (has $sasl.mechanism (list "PLAIN" "SCRAM-SHA-256" "SCRAM-SHA-512")) (not $sasl.existingSecret) }}
{{- fail "kafka.sasl.existingSecret: the Secret with the password of kafka.sasl.username" }}
{{- end }}
{{- if and $sasl.existingSecret (not $sasl.mechanism) }}
{{- fail "kafka.sasl.mechanism: which one goes with kafka.sasl.existingSecret?" }}
{{- end }}
{{- if and $sasl.existingSecret (not $sasl.username) (not $sasl.usernameKey) }}
{{- fail "kafka.sasl.username, or kafka.sasl.usernameKey for one in the Secret: which user?" }}
{{- end }}
{{- if and .Values.kafka.tls.existingSecret (not .Values.kafka.tls.enabled) }}
{{- fail "kafka.tls.existingSecret is set, but kafka.tls.enabled is not" }}
{{- end }}
{{- range $name, $tls := dict "kafka" .Values.kafka.tls "redis" .Values.redis.tls }}
{{- if ne (empty $tls.certKey) (empty $tls.keyKey) }}
{{- fail (printf "%s.tls.certKey and %s.tls.keyKey go together" $name $name) }}
{{- end }}
{{- end }}
{{- if and .Values.redis.urlKey (not .Values.redis.existingSecret) }}
{{- fail "redis.urlKey names a key of redis.existingSecret, which is not set" }}
{{- end }}
{{- if and .Values.redis.urlKey .Values.redis.url }}
{{- fail "redis.url and redis.urlKey exclude each other" }}
{{- end }}
{{- if and .Values.redis.tls.existingSecret .Values.redis.url (not (hasPrefix "rediss" .Values.redis.url)) }}
{{- fail "redis.tls.existingSecret is set, but redis.url does not begin with rediss" }}
{{- end }}
{{- end }}
