#!/usr/bin/env bash
# A container engine of our own where none runs, and the base image where no registry can be reached.
#
# Everything lives in one folder, and `stop` leaves nothing running. The base is debian:bookworm-slim, imported from a
# debootstrap of what this machine's own apt sources name; they are read here and now, and written down nowhere else.
#
# usage: engine.sh start|base|stop FOLDER      (DOCKER_HOST as `engine.sh host FOLDER` prints it)
# SPDX-License-Identifier: MIT
set -euo pipefail

. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/mirror.sh"

verb=${1:?start, base, stop or host}
folder=${2:?a folder for the state of the engine}
mkdir -p "$folder"
folder=$(readlink -f "$folder")
export DOCKER_HOST=unix://$folder/docker.sock

# attempt OPTION...: start a daemon with these options; true once it answers.
attempt() {
    : >"$folder/dockerd.log"
    dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/dockerd.pid" -H "$DOCKER_HOST" "$@" \
        >"$folder/dockerd.log" 2>&1 &
    local pid=$!
    for _ in $(seq 100); do
        docker version >/dev/null 2>&1 && return 0
        kill -0 $pid 2>/dev/null || return 1
        sleep 0.2
    done
    kill $pid
    wait $pid || true
    return 1
}

start() {
    if docker version >/dev/null 2>&1; then
        return 0 # this one runs already
    fi
    # The best first; each that the kernel refuses leaves its reason in the log.
    attempt --storage-driver overlay2 || attempt --storage-driver vfs ||
        attempt --storage-driver vfs --iptables=false --ip6tables=false ||
        { echo "engine: dockerd does not start; its last words:" >&2 && tail -n 20 "$folder/dockerd.log" >&2 && exit 1; }
    docker info --format 'engine {{.ServerVersion}}, storage {{.Driver}}'
}

base() {
    docker image inspect debian:bookworm-slim >/dev/null 2>&1 && return 0
    if docker pull -q debian:bookworm-slim >/dev/null 2>&1; then
        return 0
    fi
    local root=$folder/base from
    from=$(mirror)
    rm -rf "$root"
    debootstrap --variant=minbase bookworm "$root" "${from:?no apt source here has bookworm}" >"$folder/debootstrap.log" 2>&1 ||
        { tail -n 20 "$folder/debootstrap.log" >&2 && exit 1; }
    apt_sources_into "$root"
    # What the official slim image leaves out as well.
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,info,locale}/* "$root"/var/log/*
    printf 'path-exclude /usr/share/%s/*\n' doc man info locale >"$root/etc/dpkg/dpkg.cfg.d/docker"
    tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - debian:bookworm-slim >/dev/null
    rm -rf "$root"
}

stop() {
    local pid
    pid=$(cat "$folder/dockerd.pid" 2>/dev/null) || return 0
    # shellcheck disable=SC2046 # one word each
    docker rm -f $(docker ps -aq) >/dev/null 2>&1 || true
    kill "$pid"
    tail --pid="$pid" -f /dev/null
}

case $verb in
start | base | stop) $verb ;;
host) echo "$DOCKER_HOST" ;;
*) echo "usage: engine.sh start|base|stop|host FOLDER" >&2 && exit 2 ;;
esac
