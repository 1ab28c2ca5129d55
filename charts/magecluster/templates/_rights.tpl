{{/*
The rights of a component on what belongs to clusters: root, component, rules, and in whose service account it runs.
A ClusterRole, or with watchNamespaces a Role in each of them. Rights on what has no namespace need a ClusterRole of their
own, see cloud-api/rights.yaml.
*/}}
{{- define "magecluster.rights" -}}
{{- $root := index . 0 }}
{{- $name := printf "%s-%s" $root.Release.Namespace (include "magecluster.name" .) }}
{{- $scopes := list "" }}
{{- with $root.Values.watchNamespaces }}{{ $scopes = . }}{{ end }}
{{- range $namespace := $scopes }}
{{- $kind := ternary "Role" "ClusterRole" (ne $namespace "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels: {{- include "magecluster.labels" $ | nindent 4 }}
rules: {{- index $ 2 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels: {{- include "magecluster.labels" $ | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name }}
subjects: {{- include "magecluster.subjects" (list $root (index $ 3)) | nindent 2 }}
{{- end }}
{{- end }}

{{/* The same in the chart's own namespace, where a component keeps what is its own. */}}
{{- define "magecluster.ownRights" -}}
{{- $root := index . 0 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{- include "magecluster.metadata" . | nindent 2 }}
rules: {{- index . 2 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{- include "magecluster.metadata" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "magecluster.name" . }}
subjects: {{- include "magecluster.subjects" (list $root (index . 3)) | nindent 2 }}
{{- end }}

{{- define "magecluster.subjects" -}}
- kind: ServiceAccount
  name: {{ include "magecluster.name" . }}
  namespace: {{ (index . 0).Release.Namespace | quote }}
{{- end }}
