"""Start the project's programs as a user would, on free ports, and stop them again.

SPDX-License-Identifier: MIT
"""

import json
import pathlib
import re
import subprocess
import tempfile
import threading


class Process:
    """A child whose stderr is read by a thread, so that it can be waited for a line without polling."""

    def __init__(self, command, **options):
        self.command = [str(word) for word in command]
        self.lines = []
        self._grown = threading.Condition()
        self._ended = False
        self.child = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True, errors="replace", **options)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stderr:
            with self._grown:
                self.lines.append(line.rstrip("\n"))
                self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def wait_line(self, pattern, timeout=60):
        """The match object of the first stderr line that matches; raises with the whole log if none comes."""
        seen = 0
        with self._grown:
            while True:
                for line in self.lines[seen:]:
                    found = re.search(pattern, line)
                    if found:
                        return found
                seen = len(self.lines)
                if self._ended or not self._grown.wait(timeout):
                    raise AssertionError(f"{self.command[0]}: no line like {pattern!r} in:\n" + "\n".join(self.lines))

    def stop(self, timeout=60):
        """SIGTERM, and the exit status."""
        if self.child.poll() is None:
            self.child.terminate()
        status = self.child.wait(timeout)
        self._reader.join(timeout)
        return status


class Bus:
    """A stratod on free ports with ipc and tcp, and the other programs beside it. Use as a context manager."""

    def __init__(self, build, *arguments, wrapper=()):
        self.build = pathlib.Path(build)
        self._folder = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self._folder.name)
        self.processes = []
        self.broker = self.start(*wrapper, self.build / "broker/stratod", "--port", "0", "--run-dir", self.folder, *arguments)
        self.endpoint = self.broker.wait_line(r"ready endpoint=(\S+)")[1].strip('"')

    def start(self, *command, **options):
        process = Process(command, **options)
        self.processes.append(process)
        return process

    def strato(self, *arguments, check=True, timeout=120, **options):
        """Run the command line against this bus; returns the completed process with text output."""
        # In front: a --server among the arguments is the later one, and wins.
        command = [str(self.build / "cli/strato"), "--server", self.endpoint, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{command} gave {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def channels(self):
        """Statistics by channel name."""
        rows = json.loads(self.strato("channel", "ls", "--json").stdout)
        rows = rows.get("channels", rows) if isinstance(rows, dict) else rows
        return {row["name"]: row for row in rows}

    def assert_laws(self):
        """Conservation and bound of every channel, from the broker's own numbers."""
        for name, c in self.channels().items():
            dropped = c["dropped"]
            dropped = sum(dropped.values()) if isinstance(dropped, dict) else dropped
            held = c["ready"] + c["leased"] + c["delayed"]
            assert c["accepted"] == c["settled"] + c["expired"] + c["dead_lettered"] + dropped + held, (name, c)
            assert c["pattern"] == "events" or held + c["granted"] <= c["capacity"], (name, c)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for process in reversed(self.processes):
            if process.child.poll() is None:
                process.child.kill()
            process.child.wait()
        self._folder.cleanup()
