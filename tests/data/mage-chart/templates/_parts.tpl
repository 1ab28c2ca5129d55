{{- define "labels" }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/name: {{ .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "deployment" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels: {{- include "labels" .root | indent 4 }}
spec:
  replicas: {{ .replicas }}
  selector: {matchLabels: {app.kubernetes.io/name: {{ .label }}, app.kubernetes.io/instance: {{ .root.Release.Name }}}}
  template:
    metadata:
      annotations: {{ toJson .root.Values.podAnnotations }}
      labels:
        app.kubernetes.io/name: {{ .label }}
        app.kubernetes.io/instance: {{ .root.Release.Name }}
        {{- with .root.Values.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
    spec:
      serviceAccountName: {{ .root.Values.serviceAccount.name }}
      imagePullSecrets: {{ toJson .root.Values.imagePullSecrets }}
      securityContext: {{ toJson .root.Values.podSecurityContext }}
      nodeSelector: {{ toJson .root.Values.nodeSelector }}
      tolerations: {{ toJson .root.Values.tolerations }}
      affinity: {{ toJson .root.Values.affinity }}
      volumes: {{ toJson .root.Values.extraVolumes }}
      containers:
        - name: {{ .root.Chart.Name }}
          image: {{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          securityContext: {{ toJson .root.Values.securityContext }}
          resources: {{ toJson .resources }}
          ports: [{name: http, containerPort: 6789, protocol: TCP}]
          volumeMounts: {{ toJson .root.Values.extraVolumeMounts }}
          {{- if .probes }}
          livenessProbe:
            httpGet: {path: {{ .root.Values.livenessProbe.path }}, port: http}
            initialDelaySeconds: {{ .root.Values.livenessProbe.initialDelaySeconds }}
            timeoutSeconds: {{ .root.Values.livenessProbe.timeoutSeconds }}
          readinessProbe:
            httpGet: {path: {{ .root.Values.readinessProbe.path }}, port: http}
            initialDelaySeconds: {{ .root.Values.readinessProbe.initialDelaySeconds }}
            timeoutSeconds: {{ .root.Values.readinessProbe.timeoutSeconds }}
          {{- end }}
          envFrom:
            {{- if .root.Values.config }}
            - configMapRef: {name: {{ .root.Values.fullnameOverride }}-env}
            {{- end }}
            {{- if .root.Values.existingSecret }}
            - secretRef: {name: {{ .root.Values.existingSecret }}}
            {{- else if .root.Values.secrets }}
            - secretRef: {name: {{ .root.Values.fullnameOverride }}-secret-env}
            {{- end }}
          env:
            {{- with .instanceType }}
            - {name: INSTANCE_TYPE, value: {{ . }}}
            {{- end }}
            {{- with .root.Values.redis.customRedisURL }}
            - {name: REDIS_URL, value: {{ . | quote }}}
            {{- end }}
            {{- toYaml .root.Values.extraEnvs | nindent 12 }}
        {{- with .root.Values.extraContainers }}{{ toYaml . | nindent 8 }}{{ end }}
{{- end }}
