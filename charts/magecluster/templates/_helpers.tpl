{{- define "magecluster.labels" -}}
app.kubernetes.io/name: magecluster
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
{{- define "magecluster.selector" -}}
app.kubernetes.io/name: magecluster
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}
