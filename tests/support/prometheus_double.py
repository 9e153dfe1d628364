"""A stand-in for Prometheus: a real HTTP server that answers as versions 2 and 3 do.

It evaluates nothing: it is told who uses what (`uses`), sees in a question which measure, nodes and
people are meant, and answers with these values. What holds of its answers is checked against a real
Prometheus in tests/prometheus. It can be slow, away, half-dead or somebody else.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from remas.models import Measure

Value = float | Callable[[float], float | None]
MOST_POINTS = 11_000  # of one series, as Prometheus takes
METRICS = {
    "namedprocess_namegroup_cpu_seconds_total": Measure.CPU,
    "namedprocess_namegroup_memory_bytes": Measure.MEMORY,
    "remas_gpu_processes": Measure.GPU,
    "remas_gpu_memory_bytes": Measure.GPU_MEMORY,
}
BRACKETS = {"(": "parenthesis", "{": "brace", "[": "bracket"}
PERSON = re.compile(r'(?:groupname|username|user)=~?"((?:[^"\\]|\\.)*)"')
NODE = re.compile(r'node=~?"((?:[^"\\]|\\.)*)"')
PLACES = re.compile(r'label_replace\((.*?), "place", "(\d+)", "", ""\)', re.DOTALL)


class Mood(StrEnum):
    """How it is."""

    WELL = "well"
    HANGS = "hangs"  # takes the question and never answers
    DRIPS = "drips"  # an answer that never ends
    CUT_OFF = "cut off"  # in the middle of the answer
    HUGE = "huge"
    STARTING = "starting"  # 503, as while it reads its log
    TIMES_OUT = "times out"  # its own limit
    LOCKED = "locked"  # wants to know who asks
    MOVED = "moved"
    STRANGER = "stranger"  # some web server


@dataclass
class PrometheusDouble:
    """`asked`: path and form of each question, with the header that says who asks."""

    url: str = ""
    mood: Mood = Mood.WELL
    asked: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    facts: dict[tuple[Measure, str, str], Value] = field(default_factory=dict)
    up: set[str] = field(default_factory=set)

    def uses(self, measure: Measure, node: str, who: str, value: Value) -> None:
        """`who` as exporters say it; the value may depend on the time (Unix seconds)."""
        self.facts[measure, node, who] = value
        self.up.add(node)

    @property
    def queries(self) -> list[str]:
        """What was asked, without the rest."""
        return [form["query"] for _, form, _ in self.asked]

    def series(self, query: str) -> list[tuple[dict[str, str], Value]]:
        """What a question is about."""
        if places := PLACES.findall(query):
            found = []
            for inner, number in places:
                found += [({"place": number}, value) for _, value in self.series(inner)]
            return found
        measure = next((m for name, m in METRICS.items() if name in query), Measure.CUSTOM)
        nodes = _pattern(NODE, query)
        outermost = query.partition(" by (")[2].partition(")")[0]
        if outermost.startswith("node, "):
            label = outermost.split(", ")[1]
            return [
                ({"node": node, label: who}, value)
                for (kind, node, who), value in self.facts.items()
                if kind is measure
            ]
        people = _pattern(PERSON, query)
        grouped = " by (node" in query
        found = []
        for node in sorted(node for node in self.up if nodes.fullmatch(node)):
            values = [
                value
                for (kind, at, who), value in self.facts.items()
                if (kind, at) == (measure, node) and people.fullmatch(who)
            ]
            if measure is Measure.CUSTOM and not values:
                continue
            found.append(({"node": node} if grouped else {}, values[0] if values else 0.0))
        return found


def _pattern(where: re.Pattern[str], query: str) -> re.Pattern[str]:
    found = where.search(query)
    text = re.sub(r"\\(.)", r"\1", found[1]) if found else ".*"
    return re.compile(text)


@contextmanager
def prometheus_double() -> Iterator[PrometheusDouble]:
    """One on a free port of 127.0.0.1."""
    double = PrometheusDouble()
    handler = type("Handler", (_Handler,), {"double": double})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    double.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, name="prometheus-double")
    thread.start()
    try:
        yield double
    finally:
        double.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Refused(Exception):
    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.status, self.kind = status, kind


class _Handler(BaseHTTPRequestHandler):
    double: PrometheusDouble
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[-1] for name, values in parse_qs(body).items()}
        self.double.asked.append((self.path, form, self.headers.get("Authorization")))
        if self.double.mood is not Mood.WELL:
            self._act()
            return
        try:
            self._json(200, {"status": "success", "data": self._data(form)})
        except _Refused as error:
            said = {"status": "error", "errorType": error.kind, "error": str(error)}
            self._json(error.status, said)

    def do_GET(self) -> None:
        self.double.asked.append((self.path, {}, self.headers.get("Authorization")))
        self._json(405, {})

    def _data(self, form: dict[str, str]) -> dict[str, Any]:
        query = form.get("query", "")
        _parse(query)
        if self.path.endswith("/api/v1/query"):
            at = float(form["time"])
            if re.fullmatch(r"[\d.]+", query):
                return {"resultType": "scalar", "result": [at, query]}
            rows = ((labels, _at(value, at)) for labels, value in self.double.series(query))
            result = [{"metric": m, "value": [at, str(v)]} for m, v in rows if v is not None]
            return {"resultType": "vector", "result": result}
        if not self.path.endswith("/api/v1/query_range"):
            raise _Refused(404, "not_found", "no such address")
        start, end, step = (float(form[name]) for name in ("start", "end", "step"))
        if step <= 0:
            text = "zero or negative query resolution step widths are not accepted."
            raise _Refused(400, "bad_data", f'invalid parameter "step": {text}')
        if end < start:
            text = "end timestamp must not be before start time"
            raise _Refused(400, "bad_data", f'invalid parameter "end": {text}')
        if (end - start) / step > MOST_POINTS:
            text = "exceeded maximum resolution of 11,000 points per timeseries."
            raise _Refused(400, "bad_data", text)
        times = [start + number * step for number in range(int((end - start) // step) + 1)]
        result = []
        for labels, value in self.double.series(query):
            values = [[at, str(v)] for at in times if (v := _at(value, at)) is not None]
            if values:
                result.append({"metric": labels, "values": values})
        return {"resultType": "matrix", "result": result}

    def _act(self) -> None:
        mood = self.double.mood
        if mood is Mood.HANGS:
            self.double.released.wait()
        elif mood is Mood.DRIPS:
            self._begin(200, 10_000_000)
            while not self.double.released.wait(0.05):
                self.wfile.write(b" ")
        elif mood is Mood.CUT_OFF:
            self._begin(200, 5000)
            self.wfile.write(b'{"status":"success","data":{"resultType":"vec')
        elif mood is Mood.HUGE:
            self._json(200, {"status": "success", "data": "x" * 9_000_000})
        elif mood is Mood.STARTING:
            self._send(503, b"Service Unavailable", "text/plain")
        elif mood is Mood.TIMES_OUT:
            text = "query timed out in expression evaluation"
            self._json(503, {"status": "error", "errorType": "timeout", "error": text})
        elif mood is Mood.LOCKED:
            self._send(401, b"Unauthorized\n", "text/plain")
        elif mood is Mood.MOVED:
            self._send(302, b"", "text/html", {"Location": "http://127.0.0.1:1/elsewhere"})
        else:
            self._send(200, b"<!doctype html><title>Hello</title>", "text/html")
        self.close_connection = True

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self._begin(status, len(body), {"Content-Type": kind, **(headers or {})})
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked has had enough

    def _begin(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def handle(self) -> None:
        with suppress(OSError):  # whoever asked has gone
            super().handle()

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is to be said."""


def _at(value: Value, at: float) -> float | None:
    return value(at) if callable(value) else value


def _parse(query: str) -> None:
    """Refuses what Prometheus's parser surely would; the words are its own."""
    bare = re.sub(r"#[^\n]*", "", re.sub(r'"(?:[^"\\]|\\.)*"', '""', query))
    if not bare.strip():
        raise _unparsed(0, "no expression found in input")
    if "$" in bare:
        raise _unparsed(bare.index("$"), "unexpected character: '$'")
    for left, right in ("()", "{}", "[]"):
        if bare.count(left) > bare.count(right):
            raise _unparsed(len(query), f"unclosed left {BRACKETS[left]}")
        if bare.count(left) < bare.count(right):
            raise _unparsed(len(query), f"unexpected right {BRACKETS[left]} '{right}'")
    if "many_to_many" in bare:
        text = "found duplicate series for the match group {} on the right hand-side"
        raise _Refused(422, "execution", text)


def _unparsed(column: int, text: str) -> _Refused:
    where = f'invalid parameter "query": 1:{column + 1}: parse error'
    return _Refused(400, "bad_data", f"{where}: {text}")
