"""Start a stratod on free ports, run a program with its endpoint as the last argument, compare what it prints.

    with_broker.py STRATOD [--expect FILE] [--args ARG...] -- PROGRAM [ARG...]

STRATO_ENDPOINT is set for the program as well. The broker is stopped by SIGTERM afterwards, whatever happened; its log is
shown if anything went wrong. Exit status: the program's, or 1 if the output differs or the broker did not start.

SPDX-License-Identifier: MIT
"""
import argparse
import difflib
import os
import re
import signal
import subprocess
import sys
import tempfile


def start(stratod, run_dir, log):
    broker = subprocess.Popen([stratod, "--port", "0", "--run-dir", run_dir, "--services", "", "--connections", "128"],
                              stderr=subprocess.PIPE, text=True)
    for line in broker.stderr:
        log.append(line)
        match = re.search(r"ready endpoint=\"?([^\s\"]+)", line)
        if match:
            return broker, match.group(1)
    broker.wait()
    return broker, None


def stop(broker, log):
    if broker.poll() is None:
        broker.send_signal(signal.SIGTERM)
    log.append(broker.stderr.read())
    broker.wait()
    broker.stderr.close()


def compare(expected_file, output):
    with open(expected_file, encoding="utf-8") as file:
        expected = file.read()
    if output == expected:
        return True
    sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), output.splitlines(True), "expected", "printed"))
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stratod")
    parser.add_argument("--expect")
    parser.add_argument("program", nargs="+")
    arguments = parser.parse_args()
    log = []
    with tempfile.TemporaryDirectory(prefix="strato-test-") as run_dir:
        broker, endpoint = start(arguments.stratod, run_dir, log)
        if not endpoint:
            print("the broker did not start:", "".join(log))
            return 1
        try:
            result = subprocess.run(arguments.program + [endpoint], stdout=subprocess.PIPE, text=True,
                                    env=dict(os.environ, STRATO_ENDPOINT=endpoint))
        finally:
            stop(broker, log)
    is_right = result.returncode == 0 and (not arguments.expect or compare(arguments.expect, result.stdout))
    if not is_right:
        print(result.stdout, "exit status", result.returncode, "\nbroker log:\n" + "".join(log))
    return 0 if is_right else result.returncode or 1


if __name__ == "__main__":
    sys.exit(main())
