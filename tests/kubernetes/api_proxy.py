#!/usr/bin/env python3
"""Stands between a controller and a Kubernetes API server: counts requests, and makes them go wrong.

Plain HTTP in, HTTPS out, whatever is said passed on, watches included. Prints one line of JSON with its URL when it is
ready. --faults is a list like [{"methods": ["PATCH"], "rate": 0.2, "status": 409}]: the first that strikes answers with that
status instead of the API server; with "after": true once the API server has done it; "delay_ms" comes before either, and
"status": 0 means nothing but the delay. Every request is a line of JSON in --log.
"""

import argparse
import http.client
import json
import os
import random
import select
import ssl
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

REASONS = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}
# Headers of one connection, not of the message.
HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}


class Proxy:
    def __init__(self, upstream: str, faults: list[dict[str, Any]], seed: int, log: Any) -> None:
        self.host = urlsplit(upstream).netloc
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        self.faults = faults
        self.log = log
        self.lock = threading.Lock()
        self.chance = random.Random(seed)

    def fault(self, method: str, path: str) -> dict[str, Any] | None:
        with self.lock:
            for fault in self.faults:
                fits = method in fault.get("methods", [method]) and fault.get("path", "") in path
                if fits and self.chance.random() < fault["rate"]:
                    return fault
        return None

    def record(self, method: str, path: str, status: int, fault: bool) -> None:
        line = {"t": time.time(), "method": method, "path": path, "status": status, "fault": fault}
        with self.lock:
            self.log.write(json.dumps(line) + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault(self.command, self.path)
        if fault:
            time.sleep(fault.get("delay_ms", 0) / 1000)
        status = fault["status"] if fault else 0
        if fault and status and not fault.get("after"):
            self.refuse(status)
            return
        upstream = http.client.HTTPSConnection(self.proxy.host, context=self.proxy.tls)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            if fault and status:
                answer.read()
                self.refuse(status)
                return
            self.proxy.record(self.command, self.path, answer.status, False)
            self.pass_on(answer)
        except OSError:
            # The API server has gone, or the caller has: both find out by themselves.
            self.close_connection = True
        finally:
            upstream.close()

    def refuse(self, status: int) -> None:
        self.proxy.record(self.command, self.path, status, True)
        reason = REASONS.get(status, "Unknown")
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status,
                "message": "injected by the test"}  # fmt: skip
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # As it comes: a watch has no end.
        while chunk := answer.read1(65536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def log_message(self, *args: Any) -> None:
        """Nothing: requests are in the log."""


def exit_with(pid: int) -> None:
    def watch() -> None:
        with suppress(ProcessLookupError):
            select.select([os.pidfd_open(pid)], [], [])
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description="A Kubernetes API that goes wrong.")
    parser.add_argument("--upstream", required=True, metavar="URL")
    parser.add_argument("--log", required=True, metavar="FILE")
    parser.add_argument("--faults", default="[]", metavar="JSON")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parent-pid", type=int, required=True)
    options = parser.parse_args()
    exit_with(options.parent_pid)
    with open(options.log, "a", buffering=1) as log:
        Handler.proxy = Proxy(options.upstream, json.loads(options.faults), options.seed, log)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
