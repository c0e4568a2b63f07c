"""Hostile checkpoints: pre-trained weights by name, and what a run keeps with its sha256."""

import io
import json
import os
import pickle
import struct
import warnings
import zipfile

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save as safetensors_of

from benchmark.networks.weights.pretrained import read_weights
from benchmark.records.round_store import read_blob, write_blob

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
WEIGHTS = {
    "conv.weight": torch.arange(12.0).reshape(3, 4),
    "conv.bias": torch.zeros(3),
    "steps": torch.tensor(7),
}


def saved(content, **options):
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


SOUND = {
    ".pth": saved(WEIGHTS),
    ".pt": saved({"state_dict": {f"module.{name}": tensor for name, tensor in WEIGHTS.items()}}),
    ".bin": saved(WEIGHTS, _use_new_zipfile_serialization=False),
    ".safetensors": safetensors_of(WEIGHTS),
}


def check_weights(weights):
    assert weights is None or all(
        isinstance(n, str) and isinstance(t, torch.Tensor) for n, t in weights.items()
    )


@pytest.fixture
def file(tmp_path):
    """Writes a checkpoint in an empty folder, in which nothing else may appear."""
    folder = tmp_path / "only ä"
    folder.mkdir()

    def write(content, suffix=".pth"):
        path = folder / f"weights{suffix}"
        path.write_bytes(content)
        return path

    yield write
    assert {path.stem for path in folder.iterdir()} <= {"weights"}


@settings(MANY, max_examples=max(1, settings.default.max_examples // 2))
@given(st.data())
def test_damaged_weights(judged, fuzz, file, data):
    suffix = data.draw(st.sampled_from(list(SOUND)))
    path = file(data.draw(fuzz.bytes(SOUND[suffix], head=1000)), suffix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_weights(judged(lambda: read_weights(path), path))


@settings(MANY, max_examples=max(1, settings.default.max_examples // 2))
@given(st.data())
def test_damaged_pickles_inside_of_a_sound_archive(judged, fuzz, file, data):
    """What torch unpickles is behind a checksum, which damage of the whole file seldom passes."""
    path = file(repacked(SOUND[".pth"], lambda content: data.draw(fuzz.bytes(content, head=len(content)))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_weights(judged(lambda: read_weights(path), path))


def repacked(whole, change):
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(stream, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            new.writestr(
                member.filename, change(content) if member.filename.endswith("data.pkl") else content
            )
    return stream.getvalue()


def test_code_is_never_run(judged, canary, file):
    for content in ({"w": canary}, [canary], {"state_dict": {"w": canary}}, canary):
        for whole in (
            saved(content),
            saved(content, _use_new_zipfile_serialization=False),
            pickle.dumps(content),
        ):
            for suffix in SOUND:
                path = file(whole, suffix)
                assert judged(lambda path=path: read_weights(path), path) is None


def itself():
    content = {}
    content["state_dict"] = content["model"] = content
    return content


def header_of(fields, body=b""):
    text = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return struct.pack("<Q", len(text)) + text + body


def tensor(shape, *offsets):
    return {"dtype": "F32", "shape": shape, "data_offsets": offsets}


HAND_WRITTEN = {
    "wrapped in itself": (saved(itself()), ".pth"),
    "wrapped in wrappers": (saved({"state_dict": {"model": {"teacher": {"model": {"model": {}}}}}}), ".pth"),
    "no names": (saved([torch.zeros(1)]), ".pth"),
    "no tensors": (saved({"a": "b"}), ".pth"),
    "a tensor alone": (saved(torch.zeros(3)), ".pth"),
    "nothing in it": (saved({}), ".pth"),
    "nothing": (b"", ".pth"),
    "nothing, safely": (b"", ".safetensors"),
    "text": (b"weights", ".pt"),
    "a pickle of numbers": (pickle.dumps({"a": 1}), ".bin"),
    "a header of 2^63 bytes": (struct.pack("<Q", 2**63) + b"{}", ".safetensors"),
    "a header of a gigabyte": (struct.pack("<Q", 2**30) + b"{}", ".safetensors"),
    "a header that is no JSON": (header_of(b"["), ".safetensors"),
    "a header nested without end": (header_of(b"[" * 100_000), ".safetensors"),
    "offsets outside": (header_of({"a": tensor([2**40], 0, 2**42)}), ".safetensors"),
    "offsets backwards": (header_of({"a": tensor([1], 4, 0)}, bytes(4)), ".safetensors"),
    "offsets that overlap": (header_of({n: tensor([1], 0, 4) for n in "ab"}, bytes(4)), ".safetensors"),
}  # fmt: skip


@pytest.mark.parametrize("case", HAND_WRITTEN)
def test_files_written_to_break_readers(judged, file, case):
    path = file(*HAND_WRITTEN[case])
    assert judged(lambda: read_weights(path), path) is None


def test_tensors_that_claim_more_than_they_hold_take_no_memory(judged, file):
    path = file(saved({"w": torch.zeros(1).expand(10**6, 10**6)}))
    weights = judged(lambda: read_weights(path), path)
    assert weights is None or weights["w"].untyped_storage().nbytes() < 100


def test_pipes_folders_and_links_to_nowhere_are_no_weights(judged, tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "nowhere.pt").symlink_to(tmp_path / "nothing")
    (tmp_path / "device.bin").symlink_to("/dev/zero")
    for path in tmp_path.iterdir():
        assert judged(lambda path=path: read_weights(path), path) is None


# What a run keeps


DIGESTS = [b"", b"\xff\xfe", b"0" * 64, b"x" * 10_000_000, "ä".encode("utf-16")]


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_digest_that_is_none_is_a_wrong_one(tmp_path, digest):
    path = tmp_path / "weights.pt"
    write_blob(path, b"weights")
    (tmp_path / "weights.pt.sha256").write_bytes(digest)
    with pytest.warns(UserWarning, match=r"weights\.pt does not match its sha256"):
        assert read_blob(path) is None


@MANY
@given(st.data())
def test_a_damaged_file_is_never_taken_for_the_one_that_was_kept(fuzz, tmp_path, data):
    path, whole = tmp_path / "weights.pt", SOUND[".pth"]
    write_blob(path, whole)
    damaged = data.draw(fuzz.bytes(whole))
    path.write_bytes(damaged)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_blob(path) == (whole if damaged == whole else None)


def test_pipes_are_nothing_that_was_kept(judged, tmp_path):
    path = tmp_path / "weights.pt"
    os.mkfifo(path)
    (tmp_path / "weights.pt.sha256").write_text("x")
    assert judged(lambda: read_blob(path), "") is None
    path.unlink()
    write_blob(path, b"weights")
    (tmp_path / "weights.pt.sha256").unlink()
    os.mkfifo(tmp_path / "weights.pt.sha256")
    assert judged(lambda: read_blob(path), "") is None
