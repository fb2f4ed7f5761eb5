#!/usr/bin/env bash
# Everything about containers, from nothing: an engine if none runs, the base, the images, their sizes, compose up to the first
# generation that evolved, chaos across containers, down. Ends with a summary of what it saw. This is ./run docker.
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

state=${STRATO_ENGINE:-$PWD/build/engine}
version=$(sed -n 's/^project(stratoswarm VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
export STRATO_VERSION=$version STRATO_NEXT=$version-next
summary=()
began=$SECONDS

step() { printf '\n== [%4d s] %s\n' $((SECONDS - began)) "$*"; }
saw() { summary+=("$*") && echo "   $*"; }
fail() { echo "docker: $*" >&2 && exit 1; }

# An engine that is there is used as it is; our own is stopped at the end.
own=no
if ! docker version >/dev/null 2>&1; then
    own=yes
    export DOCKER_HOST
    DOCKER_HOST=$(docker/engine.sh host "$state")
fi
if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=(-p stratoswarm-run -f docker/compose.yaml)

cleanup() {
    local status=$?
    trap - EXIT
    [ $status = 0 ] || "${compose[@]}" --profile test logs --no-color --tail 15 2>&1 || true
    "${compose[@]}" --profile test down -v --timeout 30 >/dev/null 2>&1 || true
    [ $own = no ] || docker/engine.sh stop "$state"
    exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir -p "$state"
step "an engine and the base image"
[ $own = no ] || docker/engine.sh start "$state"
docker/engine.sh base "$state"
saw "engine and base: $((SECONDS - began)) s"

step "images"
built=$SECONDS
image() { # NAME:TAG FOLDER [OPTION...]
    local name=$1 file=docker/$2/Dockerfile
    shift 2
    docker build -q --network host -f "$file" -t "stratoswarm/$name" --build-arg VERSION="$version" --build-arg JOBS="$(nproc)" \
        --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" "$@" . >"$state.build" 2>&1 ||
        { tail -n 40 "$state.build" >&2 && fail "the image $name does not build"; }
}
image "broker:$version" broker --target broker
image "broker:$STRATO_NEXT" broker --target broker --label upgraded=yes # what an upgrade goes to: another image
image "chaos:$version" broker --target chaos
image "worker:$version" worker
image "prometheus:$version" prometheus
saw "images: $((SECONDS - built)) s"
size() { docker image inspect -f '{{.Size}}' "$1"; }
beyond=$((($(size "stratoswarm/broker:$version") - $(size debian:bookworm-slim)) / 1000))
saw "the broker image is $beyond kB beyond its base; the worker image $((($(size "stratoswarm/worker:$version") - $(size debian:bookworm-slim)) / 1000)) kB"
[ $beyond -lt 40000 ] || fail "the broker image is over 40 MB beyond its base"

step "compose up, to the first generation"
up=$SECONDS
"${compose[@]}" up -d --no-build >/dev/null 2>&1 || fail "compose up failed"
broker() { docker exec "$("${compose[@]}" ps -q broker)" "$@"; }
wanted() { broker strato channel info fitness --json 2>/dev/null | grep -Eq '"settled": ?[1-9]'; }
until wanted; do
    [ $((SECONDS - up)) -lt 120 ] || fail "no generation within 120 s"
    sleep 0.5
done
saw "compose up to the first evaluated generation: $((SECONDS - up)) s"

step "what an operator would look at"
broker strato health deep
docker logs "$("${compose[@]}" ps -q broker)" 2>&1 | grep -A 4 'First start' || fail "the first start does not say how to come in"
[ "$(broker sh -c 'id -u; stat -c %a /var/lib/stratoswarm/stratod.key; cat /proc/1/comm' | tr '\n' ' ')" = '10001 600 stratod ' ] ||
    fail "stratod is not PID 1 of a user without rights, with its secret for itself"
! broker touch /usr/bin/x 2>/dev/null || fail "the root is not read-only"
prometheus() { docker exec "$("${compose[@]}" ps -q prometheus)" promtool query instant http://127.0.0.1:9090 "$1"; }
until prometheus 'strato_build_info' 2>/dev/null | grep -q strato_build_info; do
    [ $((SECONDS - up)) -lt 180 ] || fail "Prometheus has not scraped the broker"
    sleep 1
done
saw "Prometheus scrapes the broker with its token"

step "chaos across containers"
/usr/bin/python3 -B tests/containers/chaos.py "${compose[@]}" | tee "$state.chaos"
saw "chaos:$(tail -n 1 "$state.chaos")"

step "summary"
printf '   %s\n' "${summary[@]}" "all of it: $((SECONDS - began)) s"
