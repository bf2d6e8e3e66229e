#!/usr/bin/env bash
# Prints the manifests of one overlay, the rules of deploy/prometheus and the dashboards of deploy/grafana.
# usage: render.sh OVERLAY | kubectl apply -f -
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
if [ $# -ne 1 ] || [ ! -d "$folder/overlays/$1" ]; then
  echo "usage: render.sh OVERLAY, one of: $(ls "$folder/overlays" | tr '\n' ' ')" >&2
  exit 2
fi

# Prints the beginning of an object. usage: object API_VERSION KIND NAME [LABEL]
object() {
  printf -- '---\napiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n  namespace: tlsmeter\n  labels:\n' "$1" "$2" "$3"
  printf '    app.kubernetes.io/name: tlsmeter\n'
  [ $# -lt 4 ] || printf '    %s\n' "$4"
}

indent() { sed "/./s/^/$1/" "$2"; }

kubectl kustomize "$folder/overlays/$1"
# Kustomize reads nothing above its folder, and cannot put one file into another.
for file in "$folder"/../prometheus/*.rules.yml; do
  object monitoring.coreos.com/v1 PrometheusRule "tlsmeter-$(basename "$file" .rules.yml)"
  echo 'spec:'
  indent '  ' "$file"
done
# The label by which Grafana's sidecar finds dashboards.
for file in "$folder"/../grafana/*.json; do
  object v1 ConfigMap "tlsmeter-dashboard-$(basename "$file" .json)" 'grafana_dashboard: "1"'
  printf 'data:\n  tlsmeter-%s: |\n' "$(basename "$file")"
  indent '    ' "$file"
done
