#!/usr/bin/env bash
# Prints the manifests of one overlay. usage: render.sh OVERLAY | kubectl apply -f -
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
if [ $# -ne 1 ] || [ ! -d "$folder/overlays/$1" ]; then
  echo "usage: render.sh OVERLAY, one of: $(ls "$folder/overlays" | tr '\n' ' ')" >&2
  exit 2
fi
kubectl kustomize "$folder/overlays/$1"
