"""The HTTP server that every stand-in of the tests builds on: loopback only, and a client that hangs up is no news to it."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class LoopbackServer(ThreadingHTTPServer):
    """Threads that end with the process, room for many connections at once; an error that is the server's own is still told."""

    daemon_threads = True
    request_queue_size = 128  # the class's own 5 makes connections wait when a test asks from many threads

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep a client's hang-up out of what the program under test wrote to stderr."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
