{{- define "magecluster.cloudApi.scheme" -}}
{{ ternary "https" "http" (ne .Values.cloudApi.tls.existingSecret "") }}
{{- end }}

{{- define "magecluster.cloudApi.port" -}}
{{- $default := ternary 443 80 (ne .Values.cloudApi.tls.existingSecret "") }}
{{- .Values.cloudApi.service.port | int | default $default }}
{{- end }}

{{/* The name of the Service within Kubernetes, and the URL there. */}}
{{- define "magecluster.cloudApi.address" -}}
{{ include "magecluster.name" (list . "cloud-api") }}.{{ .Release.Namespace }}.svc
{{- end }}
{{- define "magecluster.cloudApi.url" -}}
{{ include "magecluster.cloudApi.scheme" . }}://{{ include "magecluster.cloudApi.address" . }}:{{ include "magecluster.cloudApi.port" . }}
{{- end }}

{{/* Whether gateways may ask for workspaces; empty when not. */}}
{{- define "magecluster.cloudApi.workspaces" -}}
{{- with .Values.cloudApi }}
{{- if and .enabled (or (eq .workspaces "always") (and (eq .workspaces "auto") (not $.Values.watchNamespaces))) }}yes{{ end }}
{{- end }}
{{- end }}

{{/* How people reach it; empty when only a request can tell. */}}
{{- define "magecluster.cloudApi.publicUrl" -}}
{{- with .Values.cloudApi }}
{{- if .publicUrl }}{{ .publicUrl }}
{{- else if .ingress.enabled }}{{ ternary "https" "http" (ne .ingress.tlsSecretName "") }}://{{ .ingress.host }}
{{- end }}
{{- end }}
{{- end }}

{{- define "magecluster.cloudApi.arguments" -}}
{{- $api := .Values.cloudApi -}}
- cloud-api
- --listen=0.0.0.0
- --port=8090
- {{ printf "--bootstrap-admin=%s" $api.bootstrapAdmin | quote }}
{{- range .Values.watchNamespaces }}
- --namespace={{ . }}
{{- end }}
{{- with include "magecluster.cloudApi.publicUrl" . }}
- {{ printf "--public-url=%s" . | quote }}
{{- end }}
{{- range $api.trustedProxies }}
- {{ printf "--trusted-proxy=%s" . | quote }}
{{- end }}
{{- if $api.tls.existingSecret }}
- --tls-cert=/etc/magecluster/tls/tls.crt
- --tls-key=/etc/magecluster/tls/tls.key
{{- end }}
{{- if not $api.apiKeys.required }}
- --no-api-key
{{- else if $api.apiKeys.existingSecret }}
- --api-key-file=/etc/magecluster/api-keys/{{ $api.apiKeys.key }}
{{- end }}
{{- with $api.oidc }}
{{- if .issuer }}
- {{ printf "--oidc-issuer=%s" .issuer | quote }}
- {{ printf "--oidc-client-id=%s" .clientId | quote }}
- {{ printf "--oidc-claim=%s" .claim | quote }}
{{- if .existingSecret }}
- --oidc-client-secret-file=/etc/magecluster/oidc/{{ .key }}
{{- end }}
{{- range .scopes }}
- {{ printf "--oidc-scope=%s" . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- range $api.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* The Secrets that it reads as files: folder below /etc/magecluster to name. */}}
{{- define "magecluster.cloudApi.secrets" -}}
{{- with .Values.cloudApi }}
{{- with .tls.existingSecret }}
tls: {{ . | quote }}
{{- end }}
{{- if and .apiKeys.required .apiKeys.existingSecret }}
api-keys: {{ .apiKeys.existingSecret | quote }}
{{- end }}
{{- if and .oidc.issuer .oidc.existingSecret }}
oidc: {{ .oidc.existingSecret | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "magecluster.cloudApi.volumes" -}}
{{- with include "magecluster.cloudApi.secrets" . | fromYaml }}
volumes:
  {{- range $folder, $secret := . }}
  - {name: {{ $folder }}, secret: {secretName: {{ $secret | quote }}}}
  {{- end }}
{{- end }}
{{- end }}

{{- define "magecluster.cloudApi.container" -}}
{{- $scheme := include "magecluster.cloudApi.scheme" . | upper -}}
- name: cloud-api
  image: {{ include "magecluster.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: {{- include "magecluster.cloudApi.arguments" . | nindent 4 }}
  env:
    - name: POD_NAMESPACE
      valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
  ports:
    - {name: cloud-api, containerPort: 8090, protocol: TCP}
  livenessProbe:
    httpGet: {path: /healthz, port: cloud-api, scheme: {{ $scheme }}}
    periodSeconds: 20
  readinessProbe:
    httpGet: {path: /readyz, port: cloud-api, scheme: {{ $scheme }}}
    periodSeconds: 5
  # It is sent requests until every node knows that it is going, which takes a moment. After these seconds it takes no
  # more, and gives those under way 10 s.
  lifecycle:
    preStop: {sleep: {seconds: 5}}
  resources: {{- toYaml .Values.cloudApi.resources | nindent 4 }}
  securityContext: {{- include "magecluster.containerSecurity" . | nindent 4 }}
  {{- with include "magecluster.cloudApi.secrets" . | fromYaml }}
  volumeMounts:
    {{- range $folder, $_ := . }}
    - {name: {{ $folder }}, mountPath: /etc/magecluster/{{ $folder }}, readOnly: true}
    {{- end }}
  {{- end }}
{{- end }}
