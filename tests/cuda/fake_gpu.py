"""A GPU for programs to be watched on: tensors without numbers that say they lie on ``cuda:0``.

torch's own fake tensors find shapes, types and devices as a GPU would. What would make the host wait for the
device, mix devices or compute in bfloat16 outside of the network is noted, with the line of the project that
does it. Kernels, memory and time are not seen this way.
"""

import contextlib
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ROOT = Path(__file__).parents[2]
OWN = tuple(f"{ROOT / package}/" for package in ("benchmark", "baselines", "strategies"))
#: What computes in float32, and what resizes the network's own maps and brings its outputs to float32.
FLOAT32 = (
    "benchmark/tasks/",
    "benchmark/training/losses.py",
    "benchmark/training/companions/modules.py",
    "benchmark/training/observe.py",
    "strategies/",
    "baselines/",
)
CONVERTING = (" resized", " mapped", " each", " <dictcomp>", " <genexpr>")
GPU = torch.device("cuda:0")
ROWS = np.random.default_rng(0)  # numbers, where the program takes some from the device
#: Their results have as many rows as the numbers on the device say.
WAITING = {"nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "bincount"}
SCALAR = {"item": 1.0, "__float__": 1.0, "__int__": 1, "__index__": 1, "__bool__": True}


class Watch:
    """What was noted, each as its kind and its place."""

    def __init__(self):
        self.waits, self.mixes, self.halves = set(), set(), set()
        self.sent = False  # whether a copy under way is from pinned memory, for which nobody waits

    def sending(self, copy):
        """A copy out of pinned memory."""
        self.sent = True
        try:
            return copy()
        finally:
            self.sent = False

    def looked(self):
        """What was noted since the last look."""
        noted = {kind: sorted(getattr(self, kind)) for kind in ("waits", "mixes", "halves")}
        for kind in noted:
            getattr(self, kind).clear()
        return noted


def place():
    """The innermost line of the project under way, as ``benchmark/x.py:7 function``."""
    frame = sys._getframe(2)
    while frame is not None and not frame.f_code.co_filename.startswith(OWN):
        frame = frame.f_back
    if frame is None:
        return "?"
    path = Path(frame.f_code.co_filename).relative_to(ROOT)
    return f"{path}:{frame.f_lineno} {frame.f_code.co_name}"


def on_gpu(tensor):
    return isinstance(tensor, torch.Tensor) and tensor.device.type == "cuda"


def masked(arguments):
    """Whether an index holds a mask, the number of whose rows nobody knows."""
    return any(each is not None and each.dtype in (torch.bool, torch.uint8) for each in arguments[1])


class Reads(TorchFunctionMode):
    """Gives some numbers to a program that takes them off a tensor that has none."""

    def __init__(self, watch):
        self.watch = watch

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name == "pin_memory":
            args[0].pinned = True
            return args[0]
        if name == "to" and getattr(args[0], "pinned", False) and (kwargs or {}).get("non_blocking"):
            return self.watch.sending(lambda: function(*args, **kwargs))
        if not (
            args and isinstance(args[0], FakeTensor) and name in {*SCALAR, "tolist", "numpy", "__array__"}
        ):
            return function(*args, **(kwargs or {}))
        tensor = args[0]
        if on_gpu(tensor):
            self.watch.waits.add(f"{name} at {place()}")
        if name in SCALAR:
            return SCALAR[name] if name != "item" else {torch.bool: True}.get(tensor.dtype, 1.0)
        if name == "tolist":
            return np.ones(tuple(tensor.shape)).tolist()
        forced = (kwargs or {}).get("force", False)
        if tensor.dtype == torch.bfloat16 or (on_gpu(tensor) and not forced):
            raise TypeError(f"{name}() of a tensor of {tensor.dtype} on {tensor.device}")
        return ROWS.random(tuple(tensor.shape)).astype(str(tensor.dtype).removeprefix("torch."))


class Operations(TorchDispatchMode):
    """Notes what each operation would do on a GPU."""

    def __init__(self, watch):
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, function._schema.name.removeprefix("aten::")
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        if not any(map(on_gpu, tensors)):
            if name == "_to_copy" and torch.device(kwargs.get("device") or "cpu").type == "cuda":
                self.copied()
            return function(*args, **kwargs)
        self.note(name, tensors, args, kwargs)
        if name == "bincount":
            return torch.empty(kwargs.get("minlength", args[-1]), dtype=torch.int64, device=GPU)
        if name == "nonzero":
            return torch.empty(tensors[0].numel(), tensors[0].dim(), dtype=torch.int64, device=GPU)
        if name == "_local_scalar_dense":
            return SCALAR["item"]
        if name == "index" and masked(args):
            return torch.empty_like(args[0])
        return function(*args, **kwargs)

    def note(self, name, tensors, args, kwargs):
        kinds = {tensor.device.type for tensor in tensors}
        target = torch.device(kwargs.get("device") or "cuda").type
        if (name == "copy_" and len(kinds) > 1) or (name == "_to_copy" and target == "cpu"):
            self.copied()
        elif any(tensor.device.type == "cpu" and tensor.dim() for tensor in tensors):
            self.watch.mixes.add(f"{name} at {place()}")
        masks = name in ("index", "index_put_", "index_put") and masked(args)
        if name in WAITING or masks or name == "_local_scalar_dense":
            self.watch.waits.add(f"{name} at {place()}")
        if torch.bfloat16 in {tensor.dtype for tensor in tensors}:
            self.halved(name)

    def halved(self, name):
        where = place()
        if where.startswith(FLOAT32) and not where.endswith(CONVERTING):
            self.watch.halves.add(f"{name} at {where}")

    def copied(self):
        if not self.watch.sent:
            self.watch.waits.add(f"copy at {place()}")


def applied(module, change, recurse=True):
    """``Module._apply``, which moves real tensors in ways that these do not know."""
    for each in module.modules():
        for name, parameter in each._parameters.items():
            if parameter is not None:
                moved = change(parameter.detach())
                each._parameters[name] = torch.nn.Parameter(moved.detach(), parameter.requires_grad)
        each._buffers.update({k: change(v) for k, v in each._buffers.items() if v is not None})
    return module


def stubs():
    """What asks for a real GPU, and the answer."""
    yield torch.cuda, "is_available", lambda: False  # so that torch itself opens none
    yield torch.cuda, "empty_cache", lambda: None
    yield torch.cuda, "get_rng_state", lambda device: torch.get_rng_state()
    yield torch.cuda, "set_rng_state", lambda state, device: None
    yield torch.cuda, "is_bf16_supported", lambda *_, **__: True
    yield torch.cuda.amp.common, "amp_definitely_not_available", lambda: False
    yield torch._C, "_select_conv_backend", lambda *_, **__: torch._C._ConvBackend.Cudnn
    yield torch.nn.Module, "_apply", applied
    yield FakeTensor, "__deepcopy__", lambda self, memo: self.detach().clone()


@contextlib.contextmanager
def fake_gpu():
    """Yields the watch over all that is computed within the block."""
    watch = Watch()
    with contextlib.ExitStack() as stack:
        for owner, name, answer in stubs():
            stack.enter_context(mock.patch.object(owner, name, answer))
        stack.enter_context(torch.autograd.set_multithreading_enabled(False))
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        stack.enter_context(Operations(watch))
        stack.enter_context(Reads(watch))
        yield watch
