{{/* One variable from a Secret. Takes a list: NAME, SECRET, KEY, and true where it may be absent. */}}
{{- define "jennie.secretEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
      {{- if gt (len .) 3 }}
      optional: true
      {{- end }}
{{- end -}}

{{/* One variable with a value. Takes (list NAME VALUE). */}}
{{- define "jennie.valueEnv" -}}
{{- $value := index . 1 -}}
- name: {{ index . 0 }}
  value: {{ if kindIs "string" $value }}{{ $value | quote }}{{ else }}{{ include "jennie.number" $value | quote }}{{ end }}
{{- end -}}

{{/* The address of Redis; one that holds a password stays in its Secret. Takes (list $ NAME). */}}
{{- define "jennie.redisEnv" -}}
{{- $redis := (index . 0).Values.redis -}}
{{- if $redis.existingSecret }}
{{- include "jennie.secretEnv" (list (index . 1) $redis.existingSecret "url") }}
{{- else }}
{{- include "jennie.valueEnv" (list (index . 1) (include "jennie.redisUrl" (index . 0))) }}
{{- end }}
{{- end -}}

{{- define "jennie.redisUrl" -}}
{{ .Values.redis.url | default (printf "redis://redis:%d/0" (int .Values.redis.port)) }}
{{- end -}}

{{/* The clock's leader in a virtual day; nothing says that the real clock counts. */}}
{{- define "jennie.clockEnv" -}}
{{- if .Values.virtualClock.enabled }}
{{- include "jennie.redisEnv" (list . "JENNIE_CLOCK") }}
{{- end }}
{{- end -}}

{{- define "jennie.loggingEnv" -}}
{{- include "jennie.valueEnv" (list "LOG_LEVEL" .Values.logging.level) }}
{{ include "jennie.valueEnv" (list "LOG_JSON" .Values.logging.jsonLines) }}
{{- end -}}

{{/* What every Python service has: its stores, its log format, the clock. Takes (list $ KEY), the URL's in the Secret. */}}
{{- define "jennie.commonEnv" -}}
{{- $root := index . 0 -}}
- name: HOST
  value: 0.0.0.0
{{ include "jennie.redisEnv" (list $root "REDIS_URL") }}
{{ include "jennie.secretEnv" (list "DATABASE_URL" $root.Values.secrets.database (index . 1)) }}
{{ include "jennie.loggingEnv" $root }}
{{ include "jennie.valueEnv" (list "JENNIE_CLOSURES" "/etc/jennie-calendar/closures.csv") }}
{{- with include "jennie.clockEnv" $root }}
{{ . }}
{{- end }}
{{- end -}}

{{/* Where a service's alarms go. */}}
{{- define "jennie.slackEnv" -}}
{{- $told := .Values.notifications -}}
{{ include "jennie.secretEnv" (list "SLACK_BOT_TOKEN" $told.credentialsSecret "slack-bot-token" true) }}
{{- with $told.slackCriticalChannel }}
{{ include "jennie.valueEnv" (list "SLACK_CRITICAL_CHANNEL" .) }}
{{- end }}
{{- with $told.slackErrorChannel }}
{{ include "jennie.valueEnv" (list "SLACK_ERROR_CHANNEL" .) }}
{{- end }}
{{- with $told.slackWarningChannel }}
{{ include "jennie.valueEnv" (list "SLACK_WARNING_CHANNEL" .) }}
{{- end }}
{{- end -}}

{{- define "jennie.telegramEnv" -}}
{{- $told := .Values.notifications -}}
{{ include "jennie.secretEnv" (list "TELEGRAM_BOT_TOKEN" $told.credentialsSecret "telegram-bot-token" true) }}
{{- with $told.telegramChatIds }}
{{ include "jennie.valueEnv" (list "TELEGRAM_CHAT_IDS" .) }}
{{- end }}
{{- if ne $told.language "ko" }}
{{ include "jennie.valueEnv" (list "BRIEFING_LANGUAGE" $told.language) }}
{{ include "jennie.valueEnv" (list "COMMAND_LANGUAGE" $told.language) }}
{{- end }}
{{- end -}}

{{/* Models and vectors: a person's choice, else our own servers; nothing of either is the offline analyst. */}}
{{- define "jennie.modelEnv" -}}
{{- $llm := .Values.vllm.llm -}}
{{- $embed := .Values.vllm.embed -}}
{{- $ownLlm := ternary (printf "http://vllm-llm:%d/v1" (int $llm.port)) "" $llm.enabled -}}
{{- $ownEmbed := ternary (printf "http://vllm-embed:%d/v1" (int $embed.port)) "" $embed.enabled -}}
{{- $ownQdrant := ternary (printf "http://qdrant:%d" (int .Values.qdrant.port)) "" .Values.qdrant.enabled -}}
{{- $model := .Values.llm.model | default (ternary $llm.servedName "" $llm.enabled) -}}
{{- with .Values.llm.baseUrl | default $ownLlm }}
{{ include "jennie.valueEnv" (list "LLM_BASE_URL" .) }}
{{ include "jennie.valueEnv" (list "LLM_MODEL" $model) }}
{{ include "jennie.valueEnv" (list "LLM_JUDGE_MODEL" ($.Values.llm.judgeModel | default $model)) }}
{{ include "jennie.secretEnv" (list "LLM_API_KEY" $.Values.llm.credentialsSecret "api-key" true) }}
{{- end }}
{{- with .Values.embeddings.baseUrl | default $ownEmbed }}
{{ include "jennie.valueEnv" (list "EMBED_BASE_URL" .) }}
{{ include "jennie.valueEnv" (list "EMBED_MODEL" ($.Values.embeddings.model | default (ternary $embed.servedName "" $embed.enabled))) }}
{{- end }}
{{- with .Values.qdrant.url | default $ownQdrant }}
{{ include "jennie.valueEnv" (list "QDRANT_URL" .) }}
{{- end }}
{{- end -}}
