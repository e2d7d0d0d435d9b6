{{/*
A pod that is not root, writes nowhere but to its volumes, speaks to no Kubernetes API and gets the time to stop in order.
Takes: root, name (of the container), image, command, args, env (YAML), ports (a list of (list NAME NUMBER)), resources,
mounts (a list of (list VOLUME PATH)), volumes (YAML), probes (YAML), account, and where they differ from the usual:
token (true: mounts the account's), calendar (true: mounts the closures and starts anew with them), restartPolicy, graceSecs, affinity (YAML), placement (YAML instead of .Values.pods).
*/}}
{{- define "jennie.pod" -}}
serviceAccountName: {{ .account | default "prime-jennie" }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .graceSecs | default 30 }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .restartPolicy }}
restartPolicy: {{ . }}
{{- end }}
{{- if .placement }}
{{- .placement | trim | nindent 0 }}
{{- else }}
{{- with .root.Values.pods.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
containers:
  - name: {{ .name }}
    image: {{ .image }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command:
      {{- toYaml .command | nindent 6 }}
    {{- with .args }}
    args:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    env:
      {{- .env | nindent 6 }}
    {{- with .ports }}
    ports:
      {{- range . }}
      - name: {{ index . 0 }}
        containerPort: {{ index . 1 }}
      {{- end }}
    {{- end }}
    {{- with include "jennie.resources" .resources }}
    resources:
      {{- trim . | nindent 6 }}
    {{- end }}
    {{- with .probes }}
    {{- . | nindent 4 }}
    lifecycle:
      preStop:
        sleep:
          seconds: 2
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
      readOnlyRootFilesystem: true
    volumeMounts:
      {{- range .mounts }}
      - name: {{ index . 0 }}
        mountPath: {{ index . 1 }}
      {{- end }}
      {{- if .calendar }}
      - name: calendar
        mountPath: /etc/jennie-calendar
      {{- end }}
      - name: tmp
        mountPath: /tmp
volumes:
  {{- with .volumes }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if .calendar }}
  - name: calendar
    configMap:
      name: prime-jennie-calendar
  {{- end }}
  - name: tmp
    emptyDir: {}
{{- end -}}

{{/* Requests and limits; nothing where a person took them away. */}}
{{- define "jennie.resources" -}}
{{- range $which := list "requests" "limits" }}
{{- with index $ $which }}
{{ $which }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Ask /livez whether to restart and /readyz whether to send traffic; a start may wait five minutes for others. Takes a port's name. */}}
{{- define "jennie.httpProbes" -}}
startupProbe:
  httpGet: { path: /livez, port: {{ . }} }
  periodSeconds: 2
  failureThreshold: 150
livenessProbe:
  httpGet: { path: /livez, port: {{ . }} }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: {{ . }} }
  periodSeconds: 5
  timeoutSeconds: 3
{{- end -}}

{{/*
Everything of a Deployment or StatefulSet but what is its own. Takes what "jennie.metadata" and "jennie.pod" take, and:
scraped (the port of its figures), replicas (false: somebody else says how many).
*/}}
{{- define "jennie.workload" -}}
metadata:
  {{- include "jennie.metadata" . | nindent 2 }}
spec:
  {{- if ne (toString .replicas) "false" }}
  replicas: {{ .replicas | default 1 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "jennie.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "jennie.labels" . | nindent 8 }}
      {{- $scrape := and .scraped (eq .root.Values.metrics.scrape "annotations") }}
      {{- $closures := and .calendar .root.Values.calendar.closures }}
      {{- if or $scrape .annotations $closures }}
      annotations:
        {{- if $scrape }}
        prometheus.io/scrape: "true"
        prometheus.io/port: {{ .scraped | quote }}
        prometheus.io/path: /metrics
        {{- end }}
        {{- if $closures }}
        checksum/calendar: {{ include "jennie.closures" .root | sha256sum }}
        {{- end }}
        {{- with .annotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
    spec:
      {{- include "jennie.pod" . | nindent 6 }}
{{- end -}}
