#!/usr/bin/env bash
# Prints the folder that holds kube-apiserver, etcd and kubectl; builds them there when it must.
# KUBEBUILDER_ASSETS wins; otherwise the user's cache, filled once from the pinned Go modules beside this file.
set -euo pipefail
cd "$(dirname "$0")"

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  echo "$KUBEBUILDER_ASSETS"
  exit 0
fi

version=$(awk '$2 == "k8s.io/kubernetes" { print $3 }' go.mod)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/payment-platform-controller"
bin="$cache/kubernetes-$version"
mkdir -p "$bin"

exec 9>"$cache/kubernetes-build.lock"
flock 9 # a second `make` waits instead of building the same thing beside the first

if [ ! -x "$bin/kubectl" ]; then # the last of the three: present means all are
  command -v go >/dev/null || { echo "Go 1.26 or later is needed to build kube-apiserver (or set KUBEBUILDER_ASSETS)." >&2; exit 1; }
  minor=${version#v1.}
  stamp="-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
  build() {
    echo "Building $2 $version from its Go module (once, into $bin) ..." >&2
    go build -mod=readonly -trimpath -p 2 -ldflags "$stamp" -o "$bin/$2" "$1" >&2
  }
  build go.etcd.io/etcd/server/v3 etcd
  build k8s.io/kubernetes/cmd/kube-apiserver kube-apiserver
  build k8s.io/kubernetes/cmd/kubectl kubectl
fi
echo "$bin"
