{{/* Labels that never change in an object's life: selectors are immutable. Takes (dict "root" $ "name" NAME). */}}
{{- define "jennie.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{/* Labels of an object and of its pods. Takes (dict "root" $ "name" NAME "component" COMPONENT). */}}
{{- define "jennie.labels" -}}
{{ include "jennie.selector" . }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: prime-jennie
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{/* Metadata of an object of this namespace. Takes (dict "root" $ "name" NAME "component" COMPONENT). */}}
{{- define "jennie.metadata" -}}
name: {{ .object | default .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "jennie.labels" . | nindent 2 }}
  {{- include "jennie.version" .root | nindent 2 }}
{{- end -}}

{{/* Metadata of an object of the whole cluster: its name carries the namespace, so that two releases get along. */}}
{{- define "jennie.clusterMetadata" -}}
name: {{ .object | default .name }}-{{ .root.Release.Namespace }}
labels:
  {{- include "jennie.labels" . | nindent 2 }}
  {{- include "jennie.version" .root | nindent 2 }}
{{- end -}}

{{/* Which chart made an object; never in pods, which an upgrade would then restart. */}}
{{- define "jennie.version" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Image of one of our programs. Takes (dict "root" $ "name" PROGRAM). */}}
{{- define "jennie.image" -}}
{{ .root.Values.global.imageRegistry | default .root.Values.image.registry }}/{{ .name }}:{{ index .root.Values.image.tags .name | default .root.Values.image.tag }}
{{- end -}}

{{/* Somebody else's image. Takes (dict "root" $ "image" IMAGE). */}}
{{- define "jennie.foreignImage" -}}
{{ with .root.Values.global.imageRegistry }}{{ . }}/{{ end }}{{ .image }}
{{- end -}}

{{/* A number as text, with every digit: templates write 50000000 as 5e+07. */}}
{{- define "jennie.number" -}}
{{ toJson . }}
{{- end -}}

{{/* A ServiceAccount; pull secrets stand here, so that every pod made with it has them. */}}
{{- define "jennie.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "jennie.metadata" . | nindent 2 }}
automountServiceAccountToken: false
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The stable address of a program. Takes "ports": a list of (list NAME NUMBER); target ports go by name. */}}
{{- define "jennie.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "jennie.metadata" . | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "jennie.selector" . | nindent 4 }}
  ports:
    {{- range .ports }}
    - name: {{ index . 0 }}
      port: {{ index . 1 }}
      targetPort: {{ index . 0 }}
    {{- end }}
{{- end -}}

{{/* A claim of a StatefulSet, kept when it goes. Takes (dict "root" $ "volume" NAME "storage" SIZE). */}}
{{- define "jennie.claim" -}}
metadata:
  name: {{ .volume }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with .root.Values.global.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ .storage }}
{{- end -}}
