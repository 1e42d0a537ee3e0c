{{- define "sallyport.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sallyport.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sallyport.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "sallyport.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "sallyport.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sallyport.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: name the service account that is there already, or set serviceAccount.create" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sallyport.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .version .image.tag }}
{{- end -}}
{{- end -}}

{{- define "sallyport.policiesConfigMap" -}}
{{- default (printf "%s-policies" (include "sallyport.fullname" .)) .Values.policies.existingConfigMap -}}
{{- end -}}

{{- /* Refuses values that contradict each other; values.schema.json refuses what is wrong by itself. */ -}}
{{- define "sallyport.check" -}}
{{- $config := .Values.config -}}
{{- $_ := required "secrets.existingSecret: name the Secret with the gateway's keys (kubectl create secret generic …); the chart takes no secret values" .Values.secrets.existingSecret -}}
{{- range $key := list "listen" "edge" "sidecar" -}}
{{- if hasKey $config $key }}{{ fail (printf "config.%s: take it out; the chart writes it by edge.mode" $key) }}{{ end -}}
{{- end -}}
{{- range $pair := list (list "admin" "address") (list "policies" "directory") (list "audit" "directory") -}}
{{- if hasKey (default dict (get $config (index $pair 0))) (index $pair 1) }}{{ fail (printf "config.%s.%s: take it out; the chart writes it" (index $pair 0) (index $pair 1)) }}{{ end -}}
{{- end -}}
{{- range $key := list "issuers" "stores" "buckets" -}}
{{- if not (get $config $key) }}{{ fail (printf "config.%s: missing; it is Sallyport's own configuration (docs/configuration.md)" $key) }}{{ end -}}
{{- end -}}
{{- if and .Values.policies.files .Values.policies.existingConfigMap }}{{ fail "policies: set files or existingConfigMap, not both" }}{{ end -}}
{{- if not (or .Values.policies.files .Values.policies.existingConfigMap) }}{{ fail "policies: set files or existingConfigMap; nothing is served without a policy" }}{{ end -}}
{{- if eq .Values.edge.mode "haproxy" -}}
{{- $_ := required "edge.haproxy.tls.existingSecret: name a Secret of type kubernetes.io/tls (tls.crt, tls.key) for clients" .Values.edge.haproxy.tls.existingSecret -}}
{{- else -}}
{{- $_ := required "edge.external.tls.existingSecret: name a Secret with tls.crt, tls.key, and ca.crt of the edge's client certificate" .Values.edge.external.tls.existingSecret -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.edge) }}{{ fail "networkPolicy.edge: name the pods of your edge; nobody else may reach the gateway" }}{{ end -}}
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled }}{{ fail "ingress, httpRoute: only with edge.mode haproxy; an external edge reaches the gateway itself, by its client certificate" }}{{ end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}{{ fail "ingress.hosts: name the hosts that clients use" }}{{ end -}}
{{- if and .Values.httpRoute.enabled (not (and .Values.httpRoute.parentRefs .Values.httpRoute.hostnames .Values.httpRoute.backendTLS.hostname)) }}{{ fail "httpRoute: parentRefs, hostnames and backendTLS.hostname are needed" }}{{ end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}{{ fail "autoscaling.minReplicas: must not exceed maxReplicas" }}{{ end -}}
{{- end -}}

{{- /* Sallyport's configuration: what the user wrote, and what follows from where the chart mounts things. */ -}}
{{- define "sallyport.config" -}}
{{- $own := dict
  "edge" (dict "secretFile" (printf "/etc/sallyport/secrets/%s" .Values.edge.secretKey))
  "admin" (dict "address" "0.0.0.0:9190")
  "policies" (dict "directory" "/etc/sallyport/policies")
  "audit" (dict "directory" "/var/lib/sallyport/audit") -}}
{{- if eq .Values.edge.mode "haproxy" -}}
{{- $_ := set $own "listen" (dict "socket" "/run/sallyport/gateway.sock" "socketMode" "0660") -}}
{{- else -}}
{{- $_ := set $own "listen" (dict "address" "0.0.0.0:8444" "tls" (dict "certFile" "/etc/sallyport/tls/tls.crt" "keyFile" "/etc/sallyport/tls/tls.key" "clientCaFile" "/etc/sallyport/tls/ca.crt")) -}}
{{- end -}}
{{- merge (deepCopy .Values.config) $own | toYaml -}}
{{- end -}}

{{- /* Seconds until a pod may be killed: what the hooks sleep, what the drain may take, and the end of the audit. */ -}}
{{- define "sallyport.graceSeconds" -}}
{{- $timeouts := default dict (get .Values.config "timeouts") -}}
{{- $drainMs := add (int64 (dig "drainDelayMs" 2000 $timeouts)) (int64 (dig "drainMs" 60000 $timeouts)) -}}
{{- add (div (add $drainMs 999) 1000) 10 15 -}}
{{- end -}}

{{- define "sallyport.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
