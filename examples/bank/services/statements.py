#!/usr/bin/env python3
"""The bank's statements in Python, standard library alone: the mesh does not care what a service is written in.

Same routes, faults and shutdown as statements.ts. Environment: HOST, PORT, MESH, REPLICA, HOSTS. Standard input: faults as JSON lines;
its end means that whoever started the process is gone; with FAULTS=none nobody reads it.
"""

import http.client
import json
import os
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = os.environ.get("HOST", "127.0.0.1")
# Without it a service's own name is called.
MESH = os.environ.get("MESH")
# What a service is called where its name alone does not lead to it.
HOSTS = json.loads(os.environ.get("HOSTS", "{}"))
REPLICA = os.environ.get("REPLICA", "statements")
WORK_SECONDS = 0.002
PASSED_ON = ("x-request-id", "traceparent", "tracestate", "b3", "x-customer")
STATEMENT = re.compile(r"^/customers/(\d+)/statement$")


class State:
    """What the threads share; single values, so no lock is needed but for the counters."""

    work_seconds = WORK_SECONDS
    status = 0
    served = 0
    running = 0
    stopping = False
    lock = threading.Lock()


class CallError(Exception):
    """A service behind this one did not answer 2xx."""


def get(service, path, headers):
    host = HOSTS.get(service, service)
    connection = http.client.HTTPConnection(MESH or host)
    try:
        connection.request("GET", path, headers={**headers, "Host": host})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise CallError(f"{service}{path}: {error}") from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise CallError(f"{service}{path}: {response.status} {body[:200]!r}")
    return json.loads(body)


def statement(customer, headers):
    accounts = get("accounts", f"/customers/{customer}/accounts", headers)
    entries = get("ledger", f"/accounts/{accounts[0]['id']}/entries", headers)
    events = get("audit", "/events/count", headers)["events"]
    return {"accounts": accounts, "entries": len(entries), "events": events}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one segment; otherwise Nagle's algorithm and delayed ACKs add 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path == "/healthz":
            status = 503 if State.stopping else 200
            self.answer(status, {"service": "statements", "replica": REPLICA, "served": State.served})
            return
        with State.lock:
            State.running += 1
        try:
            self.answer(*self.work())
        finally:
            with State.lock:
                State.running -= 1

    def work(self):
        if State.status != 0:
            return State.status, {"error": "broken on purpose"}
        time.sleep(State.work_seconds)
        match = STATEMENT.match(self.path)
        if match is None:
            return 404, {"error": "no such path"}
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        try:
            result = statement(match.group(1), headers)
        except CallError as error:
            return 503, {"error": str(error)}
        with State.lock:
            State.served += 1
        return 200, result

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        """Requests are the mesh's to log."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A caller that gave up is no fault of this service."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def read_faults():
    for line in sys.stdin:
        if line.strip():
            command = json.loads(line)
            State.work_seconds = command.get("workMs", WORK_SECONDS * 1000) / 1000
            State.status = command.get("status", 0)
    os._exit(0)


def stop(server):
    State.stopping = True
    server.shutdown()
    while State.running > 0:
        time.sleep(0.005)
    os._exit(0)


def main():
    server = Server((HOST, int(os.environ.get("PORT", "8080"))), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop, args=(server,), daemon=True).start())
    if os.environ.get("FAULTS") != "none":
        threading.Thread(target=read_faults, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    threading.Event().wait()


if __name__ == "__main__":
    main()
