{{/* What several manifests share. Those about one component take a list: the root, and "operator" or "cloud-api". */}}

{{- define "magecluster.name" -}}
{{ (index . 0).Release.Name }}-{{ index . 1 }}
{{- end }}

{{- define "magecluster.selector" -}}
app.kubernetes.io/name: magecluster
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "magecluster.ownLabels" -}}
{{ include "magecluster.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
{{- end }}

{{- define "magecluster.labels" -}}
{{ include "magecluster.ownLabels" . }}
{{- with (index . 0).Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "magecluster.metadata" -}}
name: {{ include "magecluster.name" . }}
namespace: {{ (index . 0).Release.Namespace | quote }}
labels: {{- include "magecluster.labels" . | nindent 2 }}
{{- end }}

{{/* The same with labels by which other software finds the object; they win over extraLabels. */}}
{{- define "magecluster.metadataWith" -}}
{{- $own := include "magecluster.ownLabels" . | fromYaml -}}
name: {{ include "magecluster.name" . }}
namespace: {{ (index . 0).Release.Namespace | quote }}
labels: {{- mergeOverwrite (dict) ((index . 0).Values.extraLabels | default dict) (index . 2 | default dict) $own | toYaml | nindent 2 }}
{{- end }}

{{- define "magecluster.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* In whose pod the Cloud API runs, and so whose selector and service account are its own. */}}
{{- define "magecluster.cloudApi.host" -}}
{{ ternary "cloud-api" "operator" .Values.cloudApi.standalone }}
{{- end }}

{{/* Pod Security Standard "restricted". */}}
{{- define "magecluster.podSecurity" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "magecluster.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What comes before the containers of a pod. The third entry of the list is the values of the pod. */}}
{{- define "magecluster.podSpec" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "magecluster.name" . }}
enableServiceLinks: false
securityContext: {{- include "magecluster.podSecurity" $root | nindent 2 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with (index . 2).priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with (index . 2).nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with (index . 2).tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with (index . 2).affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if (index . 2).topologySpreadConstraints }}
topologySpreadConstraints:
  {{- $selector := include "magecluster.selector" . | fromYaml }}
  {{- range (index . 2).topologySpreadConstraints }}
  {{- $defaults := dict "maxSkew" 1 "whenUnsatisfiable" "ScheduleAnyway" }}
  - {{- mergeOverwrite $defaults . (dict "labelSelector" (dict "matchLabels" $selector)) | toYaml | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Metadata and the head of the spec of a Deployment. */}}
{{- define "magecluster.deployment" -}}
metadata: {{- include "magecluster.metadata" . | nindent 2 }}
spec:
  replicas: {{ (index . 2).replicas }}
  # The new pod is ready before the old one goes.
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels: {{- include "magecluster.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "magecluster.ownLabels" . | nindent 8 }}
        {{- with (index . 2).podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with (index . 2).podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "magecluster.podSpec" . | nindent 6 }}
{{- end }}

{{- define "magecluster.disruptionBudget" -}}
{{- if gt (int (index . 2).replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "magecluster.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "magecluster.selector" . | nindent 6 }}
{{- end }}
{{- end }}
