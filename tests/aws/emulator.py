#!/usr/bin/env python3
"""A local AWS for the tests and the demo: moto, mended, stricter, logged and steerable.

Prints one line of JSON with its endpoint on stdout when it is ready to serve.
"""

import argparse
import io
import json
import logging
import os
import select
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import Any, TextIO

# The emulator must behave the same wherever it is started, so nothing of the caller's AWS setup may
# reach the SDK inside moto. The machine images that moto would load take longer than everything else.
for _name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
    del os.environ[_name]
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import get_account_id_from
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

import cbor
import durations
import lag
import mends
import mends_cloudfront
import mends_cloudwatch
import mends_delivery
import mends_ecr
import mends_ecs
import mends_elbv2
import mends_kms
import mends_logs
import mends_mysql
import mends_network
import mends_rds
import mends_s3
import mends_security_groups
import mends_sns
import mends_tagging
import mends_wafv2
import pages
import strict
import strict_clock
import strict_cloudfront
import strict_cloudwatch
import strict_delivery
import strict_ecs
import strict_elbv2
import strict_mysql
import strict_network
import strict_rds
import strict_s3
import strict_wafv2
from control import PREFIX, READS, Control, Fault
from wire import Answer, Call, error_answer, without_items

# Loaded before the emulator calls itself ready; other services load on their first call.
SERVICES = (
    "ec2", "kms", "logs", "iam", "sts", "s3", "servicequotas", "rds", "sns", "secretsmanager", "cloudwatch", "ecs",
    "application-autoscaling", "elbv2", "acm", "wafv2", "cloudfront", "resourcegroupstaggingapi",
)  # fmt: skip


class CallLog:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def write(self, call: Call, started: float, answer: Answer | None) -> None:
        record = {
            "t": round(started, 3),
            "account": call.account,
            "service": call.service,
            "region": call.region,
            "operation": call.operation,
            "status": answer.status if answer else 0,
            "ms": round((time.time() - started) * 1000, 1),
            "agent": call.agent,
            "params": call.params,
            "error": answer.error_code() if answer else "ConnectionClosed",
        }
        line = json.dumps(record, default=str) + "\n"
        with self._lock:
            self._file.write(line)


class Emulator:
    def __init__(self, log: CallLog, latency: float) -> None:
        self._log = log
        self._latency = latency
        self._control = Control()
        self._lag = lag.Lag()
        self._dispatcher = DomainDispatcherApplication(create_backend_app)
        # moto reads and changes plain dicts without locks, and a strict rule must see the state that
        # its operation then changes. One call at a time costs nothing: the interpreter runs no more.
        self._moto_lock = threading.Lock()
        for service in SERVICES:
            self._dispatcher.app_instances[service] = create_backend_app(service)

    def answer(self, environ: dict[str, Any]) -> Answer | None:
        """The answer to an HTTP request, or None when the connection is to be closed without one."""
        started = time.time()
        path = environ.get("PATH_INFO", "/")
        body = _read_body(environ)
        if path.startswith(PREFIX):
            return self._control.answer(environ["REQUEST_METHOD"], path, body)
        in_cbor = cbor.operation(environ)
        if in_cbor:
            body = cbor.to_json(environ, body, in_cbor)
        _rewind(environ, body)
        if path.startswith("/moto-api"):
            return self._moto(environ)
        call = Call.read(environ, body)
        call.account = self._account(call)
        time.sleep(self._latency)
        fault = self._control.take_fault(call)
        answer = self._answer_call(call, environ, fault)
        self._log.write(call, started, answer)
        if fault and fault.mode == "silence":
            time.sleep(fault.delay_ms / 1000)
            return None
        return cbor.from_json(answer, in_cbor) if in_cbor and answer else answer

    def _answer_call(self, call: Call, environ: dict[str, Any], fault: Fault | None) -> Answer | None:
        if fault and fault.mode not in ("silence", "stale"):
            time.sleep(fault.delay_ms / 1000)
        if fault and fault.mode in ("refuse", "hang-up"):
            return _faulty(call, fault)
        if refusal := strict_clock.refusal(call):
            return refusal
        hidden = self._control.take_hidden_ids(call)
        # What a test has asked for is not taken away by a read that lags besides.
        lagging = self._lag.lagging(call) if not fault and not hidden else None
        stale = self._lag.earlier(call, fault.delay_ms / 1000) if fault and fault.mode == "stale" else None
        if earlier := stale or lagging:
            return earlier
        if fault and fault.mode == "short-page":
            _rewind(environ, pages.with_one_item(call, environ, environ["wsgi.input"].read()))
        answer = self._guarded(call, environ)
        if call.operation.startswith(READS):
            answer = self._lag.without_new(call, answer)
            self._lag.remember(call, answer)
        else:
            self._lag.learn(call, answer)
        if fault and fault.mode == "after-effect":
            return _faulty(call, fault)
        return without_items(answer, hidden) if hidden and answer.status == 200 else answer

    def _guarded(self, call: Call, environ: dict[str, Any]) -> Answer:
        """moto's answer, where what it lacks is an error that an SDK can read and does not retry."""
        try:
            answer = self._moto(environ)
        except NotImplementedError as error:
            return error_answer(call, 501, "NotImplementedByEmulator", str(error))
        except Exception as error:
            traceback.print_exc()
            return error_answer(call, 500, "InternalFailure", f"the emulator failed: {error!r}")
        if answer.status == 404 and answer.header("content-type").startswith("text/html") and call.service != "s3":
            return error_answer(call, 501, "NotImplementedByEmulator", f"{call.operation} has no route")
        return answer

    def _moto(self, environ: dict[str, Any]) -> Answer:
        with self._moto_lock:
            chunks, status, headers = run_wsgi_app(self._dispatcher, environ, buffered=True)
        return Answer(int(status.split()[0]), list(headers), b"".join(chunks))

    def _account(self, call: Call) -> str:
        with self._moto_lock:
            return get_account_id_from(call.access_key) if call.access_key else DEFAULT_ACCOUNT_ID


# How each service says that it is called too often; the others say ThrottlingException.
THROTTLES = {
    "cloudfront": (400, "Throttling"),
    "ec2": (503, "RequestLimitExceeded"),
    "elbv2": (400, "Throttling"),
    "iam": (400, "Throttling"),
    "s3": (503, "SlowDown"),
}


def _faulty(call: Call, fault: Fault) -> Answer | None:
    if fault.drops_connection:
        return None
    status, code = fault.status, fault.code
    if code == "Throttled":
        status, code = THROTTLES.get(call.service, (400, "ThrottlingException"))
    return error_answer(call, status, code, fault.message)


def _read_body(environ: dict[str, Any]) -> bytes:
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"].read()
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _rewind(environ: dict[str, Any], body: bytes) -> None:
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


class Handler(MotoRequestHandler):
    """Like werkzeug's, but with persistent connections, as the SDKs expect them of AWS."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet, without waiting for an acknowledgement in between.
    wbufsize = -1
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        with suppress(ConnectionError):
            self._send(self.server.app.answer(self.make_environ()))

    def _send(self, answer: Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", self._content_length(answer))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _content_length(self, answer: Answer) -> str:
        # The answer to HEAD has no body, but tells the length of the one that GET would get.
        return answer.header("content-length") if self.command == "HEAD" else str(len(answer.body))

    def log(self, *args: Any) -> None:
        """Nothing: calls are in the call log."""


def exit_with_process(pid: int) -> None:
    """Ends this process as soon as that one has gone."""

    def watch() -> None:
        try:
            # Readable as soon as the process ends, and not fooled by a reused number.
            select.select([os.pidfd_open(pid)], [], [])
        except AttributeError:
            with suppress(ProcessLookupError):
                while True:
                    os.kill(pid, 0)
                    time.sleep(0.5)
        except ProcessLookupError:
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def exit_with_stdin() -> None:
    def watch() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An AWS emulator for tests.")
    parser.add_argument("--log", metavar="FILE", help="append one line of JSON per AWS call to FILE")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--parent-pid", type=int, metavar="PID", help="exit when this process has gone")
    parser.add_argument("--exit-with-stdin", action="store_true", help="exit when standard input is closed")
    parser.add_argument("--latency-ms", type=float, default=0, metavar="N", help="delay every call by N ms")
    parser.add_argument(
        "--time-scale",
        type=float,
        default=durations.SCALE,
        metavar="N",
        help="the part of AWS's time that things are pending or deleting, see durations.py (default: %(default)s)",
    )
    parser.add_argument("--lax", action="store_true", help="accept what moto accepts, even if AWS would not")
    parser.add_argument("--list-mends", action="store_true", help="print what is mended and enforced, and exit")
    options = parser.parse_args()
    if not options.log and not options.list_mends:
        parser.error("--log is required")
    return options


def list_mends() -> None:
    for title, catalogue in (("Mends to moto", mends.CATALOGUE), ("Strict rules", strict.CATALOGUE)):
        print(f"{title}:")
        for entry in catalogue.entries:
            print(f"  {entry}")


def main() -> None:
    options = arguments()
    if options.list_mends:
        list_mends()
        return
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    if options.parent_pid:
        exit_with_process(options.parent_pid)
    if options.exit_with_stdin:
        exit_with_stdin()
    durations.SCALE = options.time_scale
    mends.CATALOGUE.install()
    if not options.lax:
        strict.CATALOGUE.install()
    with open(options.log, "a", buffering=1) as log, suppress(KeyboardInterrupt):
        emulator = Emulator(CallLog(log), options.latency_ms / 1000)
        server = make_server("127.0.0.1", options.port, emulator, threaded=True, request_handler=Handler)
        print(json.dumps({"endpoint": f"http://127.0.0.1:{server.server_port}"}, separators=(",", ":")), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
