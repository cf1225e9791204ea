"""What W&B has: read by its own reader from this disk, or received by a server that stands in for its own."""

import json
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import wandb.util

Row = dict[str, Any]


@dataclass
class Recorded:
    """A run: how it was opened, what was logged, and how it ended."""

    opened: Row = field(default_factory=dict)
    config: Row = field(default_factory=dict)
    axes: Row = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)
    summary: Row = field(default_factory=dict)
    exit_code: int | None = None

    def add(self, record: Row) -> None:
        kind, content = record["type"], record[record["type"]]
        if kind == "run":
            self.opened = content
            self.config = content["config"]["update"]
        elif kind == "config":
            self.config |= content.get("update", {})
        elif kind == "metric":
            self.axes[content.get("glob_name") or content["name"]] = content.get("step_metric")
        elif kind == "history":
            self.history.append(content["item"])
        elif kind == "summary":
            self.summary |= content.get("update", {})
        elif kind == "exit":
            self.exit_code = content.get("exit_code", 0)

    @property
    def logged(self) -> list[Row]:
        """What was logged, without what wandb adds."""
        return [{key: value for key, value in row.items() if key[0] != "_"} for row in self.history]


def recorded(wandb_folder: Path) -> dict[str, Recorded]:
    """Name -> offline run, of every run in a folder; each has one folder there."""
    runs: dict[str, Recorded] = {}
    for path in sorted(wandb_folder.glob("*run-*/*.wandb")):
        reader = [wandb.util.get_core_path(), "leet", "inspect", "--no-observability", "--json", "--run-file", path]
        done = subprocess.run([*reader, wandb_folder], capture_output=True, text=True, check=True)
        run = Recorded()
        for line in done.stdout.splitlines():
            run.add(json.loads(line))
        assert run.opened["display_name"] not in runs
        runs[run.opened["display_name"]] = run
    return runs


class Server(ThreadingHTTPServer):
    """Answers like W&B's as far as a run needs it, and keeps what it is sent.

    `runs`: id -> run; `requests`: paths and operations, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.runs: dict[str, Recorded] = {}
        self.requests: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: wandb drops connections at its end."""

    def stream(self, identity: str, content: Row) -> None:
        """Take part of a run: files in lines, from an offset on."""
        run = self.runs[identity]
        for name, chunk in content.get("files", {}).items():
            if name == "wandb-history.jsonl":
                run.history[chunk["offset"] :] = [json.loads(line) for line in chunk["content"]]
            elif name == "wandb-summary.json":
                run.summary = json.loads(chunk["content"][-1])
        if content.get("complete"):
            run.exit_code = content["exitcode"]

    def graphql(self, operation: str, given: Row) -> Row:
        if operation == "Viewer":
            return {"viewer": {"id": "1", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}}
        if operation == "RunResumeStatus":
            return {
                "model": {"id": "1", "name": "p", "entity": {"id": "1", "name": "me"}, **self.resumed(given["name"])}
            }
        if operation == "UpsertBucket":
            return self.upsert(given)
        if operation == "CreateRunFiles":
            files = [{"name": name, "uploadUrl": f"{self.url}/stored/{name}"} for name in given["files"]]
            return {"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": files}}
        return {}

    def resumed(self, identity: str) -> Row:
        run = self.runs.get(identity)
        if run is None:
            return {"bucket": None}
        known = {"id": "1", "name": identity, "displayName": run.opened["displayName"], "eventsTail": "[]"}
        tail = json.dumps([json.dumps(row) for row in run.history[-1:]])
        counts = {"historyLineCount": len(run.history), "eventsLineCount": 0, "logLineCount": 0, "historyTail": tail}
        begun = {"config": "{}", "wandbConfig": '{"t": 1}', "tags": []}  # without "t" it would count as not yet begun
        return {"bucket": {**known, **counts, **begun, "summaryMetrics": json.dumps(run.summary)}}

    def upsert(self, given: Row) -> Row:
        new = given["name"] not in self.runs
        run = self.runs.setdefault(given["name"], Recorded())
        run.opened |= {key: value for key, value in given.items() if value is not None}
        if given.get("config"):
            run.config |= {key: item["value"] for key, item in json.loads(given["config"]).items()}
        project = {"id": "1", "name": given.get("project"), "entity": {"id": "1", "name": "me"}}
        bucket = {"id": "1", "name": given["name"], "displayName": run.opened.get("displayName"), "project": project}
        return {"upsertBucket": {"bucket": bucket, "inserted": new}}


class Answer(BaseHTTPRequestHandler):
    """One request to a server."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer: Row = {}
        request = self.path
        if self.path == "/graphql":
            query = json.loads(body)
            operation = query["query"].replace("(", " ").split()[1]
            request = operation
            answer = {"data": self.server.graphql(operation, query.get("variables") or {})}
        elif self.path.endswith("/file_stream"):
            self.server.stream(self.path.split("/")[-2], json.loads(body))
        self.server.requests.append(request)
        self.reply(answer)

    do_PUT = do_GET = do_POST

    def reply(self, answer: Row) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Print nothing."""
