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
generations=600
kill_at=150
while [ $# -gt 0 ]; do
    case $1 in
    --quick) population=1024 generations=80 kill_at=20 ;;
    --out) out=$2 && shift ;;
    *) echo "usage: demo.sh BUILD_DIR [--quick] [--out DIR]" >&2 && exit 2 ;;
    esac
    shift
done

stratod=$build/broker/stratod
worker=$build/worker/strato-worker
strato=$build/cli/strato
data=data/eu_stock_markets.csv

mkdir -p "$out"
run_dir=$(mktemp -d)
export STRATO_SERVER=ipc://$run_dir/strato.native.sock
broker_pid='' worker1_pid='' worker2_pid='' evolve_pid=''

cleanup() {
    trap - EXIT INT TERM
    local pid
    for pid in $evolve_pid $worker1_pid $worker2_pid $broker_pid; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in $worker1_pid $worker2_pid $broker_pid; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$run_dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
    echo "demo: $1; the logs are $out/*.log:" >&2
    tail -n 5 "$out"/*.log >&2 || true
    exit 1
}

# wait_for FILE WORDS PID: until a line with WORDS stands in FILE, or the process is gone.
wait_for() {
    timeout 60 tail --pid="$3" -n +1 -F "$1" 2>/dev/null | grep -q -m1 -- "$2"
}

echo "1. a broker with its evolution service (log: $out/broker.log)"
: >"$out/broker.log"
"$stratod" --port 0 --run-dir "$run_dir" 2>"$out/broker.log" &
broker_pid=$!
wait_for "$out/broker.log" ' ready ' $broker_pid || grep -q 'ready' "$out/broker.log" || fail "the broker did not start"
"$strato" ping --count 3 2>/dev/null || fail "the broker does not answer"

echo "2. two workers on the OpenCL devices of this machine (a GPU if there is one, else PoCL on the CPU)"
"$worker" --list || fail "no OpenCL device"
for n in 1 2; do : >"$out/worker$n.log"; done
"$worker" --broker "$STRATO_SERVER" --name worker1 2>"$out/worker1.log" &
worker1_pid=$!
"$worker" --broker "$STRATO_SERVER" --name worker2 2>"$out/worker2.log" &
worker2_pid=$!
for n in 1 2; do
    pid=worker${n}_pid
    wait_for "$out/worker$n.log" 'channel=fitness' "${!pid}" || grep -q 'channel=fitness' "$out/worker$n.log" || fail "worker$n did not start"
done

echo "3. evolving trading strategies on $data: $population individuals, $generations generations;"
echo "   at about generation $kill_at worker2 is killed with SIGKILL, on purpose"
"$strato" evolve --problem strategy --data "$data" --population "$population" --generations "$generations" --seed 42 \
    --report "$out" &
evolve_pid=$!
# The kill waits for progress, not for a time: each generation settles at least one batch.
while kill -0 "$evolve_pid" 2>/dev/null; do
    settled=$("$strato" channel info fitness --json 2>/dev/null | jq '.settled // 0' || echo 0)
    if [ "${settled:-0}" -ge "$kill_at" ]; then
        kill -KILL "$worker2_pid"
        wait "$worker2_pid" 2>/dev/null || true
        echo "$(date +%T) killed with SIGKILL after $settled batches" >>"$out/worker2.log"
        worker2_pid=''
        break
    fi
    sleep 0.1
done
wait "$evolve_pid" || fail "the run ended early"
evolve_pid=''
[ -z "$worker2_pid" ] || echo "   (the run was over before worker2 could be killed)"

echo
echo "4. the books: what went through, nothing lost"
"$strato" channel ls --columns name,capacity,accepted,settled,ready,leased,consumers
echo
echo "done. Look at $out/report.html (figures for programs: $out/result.json)."
echo "next: $stratod &"
echo "      $strato sub 'demo.>'            and in another terminal: $strato pub demo.hi '{\"n\":1}'"
echo "      $strato evolve --help           ./run test"
