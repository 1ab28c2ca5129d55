{{/* Matchers of the time series of a component of this release, as the ServiceMonitor makes Prometheus call them. */}}
{{- define "magecluster.series" -}}
namespace='{{ (index . 0).Release.Namespace }}',job='{{ include "magecluster.name" . }}'
{{- end }}

{{/* How many reconciles the operator does at a time: its own default, or what extraArgs say. */}}
{{- define "magecluster.workers" -}}
{{- join " " .Values.extraArgs | regexFind "--workers[= ][0-9]+" | regexFind "[0-9]+" | default "16" }}
{{- end }}

{{/* A file of the folder monitoring with these in it. */}}
{{- define "magecluster.monitoring" -}}
{{- $root := index . 0 }}
{{- $operator := include "magecluster.series" (list $root "operator") }}
{{- $cloudApi := include "magecluster.series" (list $root "cloud-api") }}
{{- $workers := include "magecluster.workers" $root }}
{{- $root.Files.Get (printf "monitoring/%s" (index . 1)) | replace "$workers" $workers | replace "$operator" $operator | replace "$cloud_api" $cloudApi }}
{{- end }}

{{/* What there is to watch over, as a list in YAML. */}}
{{- define "magecluster.components" -}}
[operator{{ if .Values.cloudApi.enabled }}, cloud-api{{ end }}]
{{- end }}
