#!/usr/bin/env bash
# The main job from end to end: a broker with its evolution service, two OpenCL workers, and `strato evolve` breeding trading
# strategies on four European indices, 1991-1998. On the way one worker is killed on purpose; the result does not change.
#
# usage: demo.sh BUILD_DIR [--quick] [--out DIR]
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

build=$1
shift
out=out/demo
population=4096
generations=150
while [ $# -gt 0 ]; do
    case $1 in
    --quick) population=512 generations=20 ;;
    --out) out=$2 && shift ;;
    *) echo "usage: demo.sh BUILD_DIR [--quick] [--out DIR]" >&2 && exit 2 ;;
    esac
    shift
done

# Colour and the redrawn progress block only where somebody watches.
say() { printf '%s\n' "$*"; }
fail() {
    say "demo: $1"
    say "      logs: $out/*.log"
    exit 1
}

mkdir -p "$out"
run_dir=$(mktemp -d)
pids=()
cleanup() {
    trap - EXIT INT TERM
    local pid
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$run_dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

export STRATO_SERVER=ipc://$run_dir/native
