"""A hub on this machine: the routes of Hugging Face that fetching uses, what it was asked, its faults."""

import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

import pytest


class Hub:
    """One data set: ``revisions`` name commits, ``commits`` hold files. Stop it with ``close``.

    A file that it refuses ends after so many bytes, and from then on the hub answers 503 for it.
    """

    def __init__(self, repository, files):
        self.repository, self.requests = repository, []
        self.revisions, self.commits = {}, {}
        self.limits, self.broken = {}, set()
        self.publish("main", files)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def publish(self, revision, files):
        """A new commit of these files, under the name of a revision."""
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.revisions[revision], self.commits[commit] = commit, dict(files)
        return commit

    def refuse_after(self, path, count):
        """Send so many bytes of a file and no more."""
        self.limits[path] = count

    def mend(self):
        """Answer as it should, and forget what was asked."""
        self.limits, self.broken, self.requests = {}, set(), []

    def ranges(self):
        """What was asked for of files: their Range headers, None for the whole."""
        return [asked for path, asked in self.requests if path.startswith("/cdn/")]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        address = urlsplit(self.path)
        self.hub.requests.append((unquote(address.path), self.headers.get("Range")))
        for pattern, answer in ((_API, self.describe), (_RESOLVE, self.redirect), (_CDN, self.send_file)):
            if found := pattern.fullmatch(address.path):
                answer(*map(unquote, found.groups()), query=parse_qs(address.query))
                return
        self.fault(404, "EntryNotFound")

    def describe(self, repository, revision, query):
        if repository != self.hub.repository:
            self.fault(401, "RepoNotFound")
            return
        commit = self.hub.revisions.get(revision, revision)
        if commit not in self.hub.commits:
            self.fault(404, "RevisionNotFound")
            return
        assert query["blobs"]  # else the real hub gives names alone
        files = [_sibling(path, data) for path, data in self.hub.commits[commit].items()]
        self.answer(json.dumps({"id": repository, "sha": commit, "siblings": files}).encode())

    def redirect(self, repository, commit, path, query):
        """Large files lie elsewhere; the hub says where."""
        if path not in self.hub.commits.get(commit, {}) or repository != self.hub.repository:
            self.fault(404, "EntryNotFound")
            return
        self.send_response(302)
        self.send_header("Location", f"{self.hub.url}/cdn/{commit}/{path}")
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_file(self, commit, path, query):
        if path in self.hub.broken:
            self.fault(503, "")
            return
        data = self.hub.commits[commit][path]
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = self.hub.limits.get(path, len(data))
        self.wfile.write(data[start:end])
        if end < len(data):
            self.hub.broken.add(path)
            self.close_connection = True

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fault(self, status, code):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Requests are kept, not printed."""


_API = re.compile(r"/api/datasets/(.+)/revision/([^/]+)")
_RESOLVE = re.compile(r"/datasets/(.+?)/resolve/([^/]+)/(.+)")
_CDN = re.compile(r"/cdn/([^/]+)/(.+)")


def _sibling(path, data):
    digest = hashlib.sha256(data).hexdigest()
    lfs = {"sha256": digest, "size": len(data), "pointerSize": 130}
    return {"rfilename": path, "size": len(data), "blobId": "0" * 40, "lfs": lfs}


@pytest.fixture
def hub(monkeypatch):
    """A hub with three shards, a script and a card, which the client takes for the one on the internet."""
    from huggingface_hub import constants

    shards = ("data/train-00000-of-00002", "data/train-00001-of-00002", "data/val-00000-of-00001")
    files = {f"{name}.parquet": hashlib.sha256(name.encode()).digest() * 3000 for name in shards}
    served = Hub("tanganke/nyuv2", files | {"README.md": b"---", "nyuv2.py": b"raise SystemExit"})
    monkeypatch.setattr(constants, "ENDPOINT", served.url)
    template = served.url + "/{repo_id}/resolve/{revision}/{filename}"  # made of ENDPOINT at import
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # as small beside a file as there
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield served
    served.close()
