{{/* Matchers of the time series of a component of this release, as the ServiceMonitor makes Prometheus call them. */}}
{{- define "magecluster.series" -}}
namespace='{{ (index . 0).Release.Namespace }}',job='{{ include "magecluster.name" . }}'
{{- end }}

{{/* A file of the folder monitoring with these matchers in it. */}}
{{- define "magecluster.monitoring" -}}
{{- $root := index . 0 }}
{{- $operator := include "magecluster.series" (list $root "operator") }}
{{- $cloudApi := include "magecluster.series" (list $root "cloud-api") }}
{{- $root.Files.Get (printf "monitoring/%s" (index . 1)) | replace "$operator" $operator | replace "$cloud_api" $cloudApi }}
{{- end }}

{{/* What there is to watch over, as a list in YAML. */}}
{{- define "magecluster.components" -}}
[operator{{ if .Values.cloudApi.enabled }}, cloud-api{{ end }}]
{{- end }}
