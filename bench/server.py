"""The sandbox on loopback, and who stands before it to count what it is asked. Needs nothing but Python."""

import http.client
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs


@dataclass
class Server:
    url: str
    # What it used of the processor in seconds; known once it has ended.
    cpu: float = field(default=0.0)


@contextmanager
def serving(binary: Path, world: str, *options: str, delay_ms: int = 0):
    """A new sandbox with that world, that answers every call so much later than it could."""
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "world.toml"
        file.write_text(world)
        command = [binary, "sandbox", "serve", "--world", file, *options]
        if delay_ms:
            faults = Path(home) / "faults.toml"
            faults.write_text(f'[[fault]]\nkind = "delay"\nby = "{delay_ms}ms"\n')
            command += ["--faults", faults]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            server = Server(process.stdout.readline().strip())
            if not server.url:
                raise RuntimeError(process.stderr.read())
            try:
                yield server
            finally:
                os.kill(process.pid, signal.SIGTERM)
                # Before Popen does it, which would not tell what was used.
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                server.cpu = usage.ru_utime + usage.ru_stime


@contextmanager
def counting(url: str):
    """A URL that leads to that one, and what has been asked there: how often, by region and action."""
    requests: Counter[tuple[str, str]] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            # Credential=KEY/20261122/us-east-1/ec2/aws4_request
            region = re.search(r"Credential=[^/]+/\d+/([^/]+)/", self.headers["Authorization"])[1]
            [action] = parse_qs(body.decode())["Action"]
            requests[region, action] += 1
            there = http.client.HTTPConnection(url.removeprefix("http://"))
            there.request("POST", self.path, body, dict(self.headers))
            answer = there.getresponse()
            content = answer.read()
            there.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()
