"""A TCP proxy that fails as networks do: it resets connections, and its target may move.

SPDX-License-Identifier: MIT
"""

import asyncio
import socket
import struct
import threading


class Proxy:
    """Relays 127.0.0.1:<own port> to a target that can be changed. Runs in a thread of its own."""

    def __init__(self, target):
        self.target = target
        self.accepted = 0
        self._pairs = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        self._ready.wait()

    def _main(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._relay_both, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    @property
    def endpoint(self):
        return f"tcp://127.0.0.1:{self.port}"

    async def _relay_both(self, reader, writer):
        self.accepted += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self._reset(writer)
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        await asyncio.gather(self._relay(reader, far_writer), self._relay(far_reader, writer))
        self._pairs.discard(pair)

    async def _relay(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except (OSError, RuntimeError):
            pass
        writer.close()

    @staticmethod
    def _reset(writer):
        """RST instead of FIN, and what was on its way is lost."""
        try:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        writer.transport.abort()

    def _do(self, work):
        done = threading.Event()

        def run():
            work()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait()

    def cut(self):
        """Reset every connection; the next ones are relayed as before."""

        def work():
            for pair in list(self._pairs):
                for writer in pair:
                    self._reset(writer)

        self._do(work)

    def move(self, target):
        """From now on connections go to another port; the present ones are reset."""
        self.target = target
        self.cut()

    def close(self):
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
