"""What is asked of the hub: which files a revision has, and their bytes; what goes wrong, in a sentence.

Files are taken one after the other with plain requests of the official client. Its own download of a folder
begins every file anew after a stop, and a shard has hundreds of megabytes.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.fetching.sources import Source
from benchmark.errors import UserError

GO_ON = "the same command goes on where this one stopped"


@dataclass(frozen=True)
class RemoteFile:
    """A file's path in its repository, its bytes, and its sha256, as far as the hub says them."""

    path: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class Listing:
    """The wanted files of a revision, and the commit that it is."""

    commit: str
    files: tuple[RemoteFile, ...]


def listed(source: Source, revision: str) -> Listing:
    """The wanted files of a branch, tag or commit. Raises UserError."""
    from huggingface_hub import HfApi

    with in_sentences(source, revision):
        info = HfApi().dataset_info(source.repository, revision=revision, files_metadata=True)
    files = tuple(
        RemoteFile(file.rfilename, file.size, file.lfs.sha256 if file.lfs else None)
        for file in info.siblings or []
        if re.fullmatch(source.files, file.rfilename, re.ASCII)
    )
    if not files or not info.sha:
        raise UserError(
            f"{source.repository} at {revision!r} has no file that is wanted ({source.files}); give another "
            "--revision."
        )
    return Listing(info.sha, files)


def download(source: Source, commit: str, file: RemoteFile, target: Path) -> None:
    """Append to ``target`` what it lacks of a file. Raises UserError; what has come is kept."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(source.repository, file.path, repo_type="dataset", revision=commit)
    with in_sentences(source, commit), target.open("ab") as stream:
        http_get(
            url,
            stream,
            resume_size=stream.tell(),
            headers=build_hf_headers(library_name="mtal"),
            expected_size=file.size,
            displayed_filename=file.path,
        )


@contextmanager
def in_sentences(source: Source, revision: str) -> Iterator[None]:
    """Every way in which the client fails, as a UserError."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of whichever library it uses

    try:
        yield
    except (OSError, HTTPError, ValueError) as error:
        raise UserError(_sentence(error, source, revision)) from error


def _sentence(error: Exception, source: Source, revision: str) -> str:
    from huggingface_hub import constants, errors

    host, what = constants.ENDPOINT, source.repository
    if isinstance(error, errors.OfflineModeIsEnabled):
        return OFFLINE
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{what} has no revision {revision!r}; --revision takes a branch, a tag or a commit."
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{host} has no data set {what}, or not for you: it may have moved (docs/datasets.md)."
    if isinstance(error, errors.HfHubHTTPError):
        return f"{host} answered {error.response.status_code} for {what}; try later: {GO_ON}."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full; make room: {GO_ON}."
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.filename or what}: {error.strerror}."
    if isinstance(error, (OSError, ValueError)):  # too short an answer, or one that no hub gives
        return (
            f"{host} did not answer as a hub does ({_reason(error)}); see HF_ENDPOINT, or try again: {GO_ON}."
        )
    reason = _reason(error)
    return f"{host} cannot be reached or broke off ({reason}); see to the network or HF_ENDPOINT: {GO_ON}."


OFFLINE = (
    "HF_HUB_OFFLINE is set, so nothing is fetched; unset it, or get the data by hand (docs/datasets.md)."
)


def check_online() -> None:
    """Raises UserError where the user has forbidden the client to use the network."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise UserError(OFFLINE)


def _reason(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
