#!/usr/bin/env bash
# Prints the path of helm: the user's, else one built once from its pinned Go module into the user's cache.
set -euo pipefail

version=v4.3.1
if [ -n "${HELM:-}" ]; then
  echo "$HELM"
  exit 0
fi
cache="${XDG_CACHE_HOME:-$HOME/.cache}/payment-platform-controller"
bin="$cache/helm-$version"
mkdir -p "$bin"

exec 9>"$cache/helm-build.lock"
flock 9 # a second `make` waits instead of building the same thing beside the first

if [ ! -x "$bin/helm" ]; then
  command -v go >/dev/null || { echo "Go 1.26 or later is needed to build helm (or set HELM to its path)." >&2; exit 1; }
  echo "Building helm $version from its Go module (once, into $bin; some minutes) ..." >&2
  GOBIN="$bin" go install -p 2 -trimpath -ldflags "-s -w" "helm.sh/helm/v4/cmd/helm@$version" >&2
fi
echo "$bin/helm"
