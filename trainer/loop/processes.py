"""Several processes share a run: each computes a part of every step, and all of them take the same step.

A step's loss is a sum over parts (rows that are computed together), each with its weight in the whole. So the parts are
divided among the processes, their gradients are added up, and every process clips and steps alike: weights, moments and
averages stay the same everywhere, to the bit, without being sent. What is drawn is drawn from named streams, the same
in every process. The process that was started leads: it starts the others, and it alone writes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from trainer.contract.configs import StageConfig, TrainConfig
from trainer.contract.errors import StageError
from trainer.contract.folder import CHECKPOINTS, CONFIG, ERROR, INPUTS
from trainer.loop import stopping

Item = TypeVar("Item")

RANK, SIZE, MEETING = "PREFLOOP_RANK", "PREFLOOP_PROCESSES", "PREFLOOP_MEETING"
"""Environment of the processes that the first one starts: which it is, how many there are, and where they meet.

How many there are may be said to the first one too, and then goes before what the configuration says: the machine of a
worker may have another number of GPUs than the one on which a run began.
"""

TOGETHER = 2**24
"""Numbers that are sent at once: 64 MB."""

PATIENCE = timedelta(days=7)
"""Others wait that long for one: the first looks at held-out data or writes a checkpoint meanwhile."""

SECONDS_TO_END = 5
READY = "ready"
"""File by which a process says that it comes to the meeting."""


def rank() -> int:
    """The number of this process; 0 leads."""
    return int(os.environ.get(RANK, "0"))


def size() -> int:
    """How many processes share this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def leads() -> bool:
    """Whether this process is the one that writes."""
    return rank() == 0


def mine(items: Sequence[Item]) -> list[Item]:
    """The part of some items that this process computes; each is computed by one."""
    return list(items[rank() :: size()])


def share_of(capacity: int, total: int, least: int) -> int:
    """How many tokens are computed together, so that no process is left without a part where it can be helped.

    Args:
        capacity: tokens at most.
        total: tokens of the whole step.
        least: of the longest row.
    """
    return min(capacity, max(least, -(-total // size())))


def add_up(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its sum over all processes; many small ones travel together."""
    if size() == 1:
        return
    for bucket in _buckets(tensors):
        joined = torch.cat([tensor.reshape(-1) for tensor in bucket])
        dist.all_reduce(joined)
        for tensor, added in zip(bucket, joined.split([tensor.numel() for tensor in bucket]), strict=True):
            tensor.copy_(added.view_as(tensor))


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours of one kind of number, as many as are sent at once."""
    bucket: list[Tensor] = []
    numbers = 0
    for tensor in tensors:
        if bucket and (numbers + tensor.numel() > TOGETHER or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, numbers = [], 0
        bucket.append(tensor)
        numbers += tensor.numel()
    if bucket:
        yield bucket


def add_up_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Let every process have the gradients of all; one that had no part of a step gave nothing to it."""
    if size() == 1:
        return
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in learning:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    add_up(parameter.grad for parameter in learning if parameter.grad is not None)


def total(number: float) -> float:
    """The sum of a number over all processes."""
    return sum(collected(number))


def collected(item: Item) -> list[Item]:
    """What every process has, in their order."""
    if size() == 1:
        return [item]
    found: list[Any] = [None] * size()
    dist.all_gather_object(found, item)
    return found


def anybody(said: bool) -> bool:
    """Whether any process says so."""
    return any(collected(said))


def leave_to_leader() -> None:
    """End the processes that are not needed any more: what follows is computed, or written, by one.

    Raises:
        SystemExit: in all but the leader.
    """
    if not leads():
        raise SystemExit(0)


@contextmanager
def together(config: StageConfig, stage: str, run: Path) -> Iterator[None]:
    """Share a run with as many processes as are wanted, this one included; they end with it.

    Args:
        config: of the run.
        stage: of the run.
        run: its folder.

    Raises:
        StageError: there are not as many GPUs, or another process has ended.
    """
    count, device = _count(config), config.device
    if not leads():
        threading.Thread(target=_end_with_leader, daemon=True).start()
        meeting = Path(os.environ[MEETING])
        (meeting / str(rank()) / READY).touch()
        _meet(rank(), count, meeting, device)
        yield
    elif count > 1:
        with tempfile.TemporaryDirectory(prefix="prefloop-processes-") as folder:
            _check_gpus(count, device)
            meeting = Path(folder)
            others = [_start(number, count, stage, run, meeting) for number in range(1, count)]
            try:
                _wait_for(others, meeting)
                _meet(0, count, meeting, device)
                yield
            except RuntimeError as error:
                if lost := _lost(others, meeting, SECONDS_TO_END):
                    raise lost from error
                raise
            finally:
                for other in others:
                    other.kill()
                    other.wait()
                stopping.ask(bool)
                if dist.is_initialized():
                    dist.destroy_process_group()
    else:
        yield


def _start(number: int, count: int, stage: str, run: Path, meeting: Path) -> subprocess.Popen[bytes]:
    """Start one more process, in a folder of its own in which nothing that it writes is in the way."""
    folder = meeting / str(number)
    (folder / INPUTS).mkdir(parents=True)
    (folder / CONFIG).symlink_to((run / CONFIG).resolve())
    if (run / CHECKPOINTS).exists():
        (folder / CHECKPOINTS).symlink_to((run / CHECKPOINTS).resolve())
    for file in (run / INPUTS).iterdir() if (run / INPUTS).exists() else ():
        (folder / INPUTS / file.name).symlink_to(file.resolve())
    return subprocess.Popen(
        [sys.executable, "-m", "trainer", stage, str(folder)],
        # It ends when this closes, however the first process ends.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, RANK: str(number), SIZE: str(count), MEETING: str(meeting)},
    )


def _count(config: StageConfig) -> int:
    if not isinstance(config, TrainConfig):
        return 1
    try:
        return max(1, int(os.environ.get(SIZE) or config.processes))
    except ValueError as error:
        raise StageError(f"{SIZE} is no number: {os.environ[SIZE]}.", resumable=False) from error


def _check_gpus(count: int, device: str) -> None:
    if _on_gpus(device) and torch.cuda.device_count() < count:
        raise StageError(
            f"{count} processes are asked for, and this machine has {torch.cuda.device_count()} GPUs. Each needs one.",
            resumable=False,
        )


def _on_gpus(device: str) -> bool:
    return device != "cpu" and torch.cuda.is_available()


def _wait_for(others: Sequence[subprocess.Popen[bytes]], meeting: Path) -> None:
    """Wait until all are ready to meet: whoever waits at the meeting itself is not told that another has ended."""
    while not all((meeting / str(number) / READY).exists() for number in range(1, len(others) + 1)):
        if lost := _lost(others, meeting, 0):
            raise lost
        time.sleep(0.05)


def _lost(others: Sequence[subprocess.Popen[bytes]], meeting: Path, seconds: float) -> StageError | None:
    """What to say of a process that ended though it was needed, or does so within some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        for number, other in enumerate(others, start=1):
            if other.poll() is not None:
                how = f"signal {-other.returncode}" if other.returncode < 0 else f"exit status {other.returncode}"
                why = ""
                with suppress(OSError, ValueError):
                    why = json.loads((meeting / str(number) / ERROR).read_text(encoding="utf-8"))["message"]
                return StageError(
                    f"Process {number + 1} of {len(others) + 1} ended ({how}). {why}".rstrip(), resumable=True
                )
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.1)


def _meet(number: int, count: int, meeting: Path, device: str) -> None:
    on_gpus = _on_gpus(device)
    if on_gpus:
        torch.cuda.set_device(number)
    dist.init_process_group(
        "nccl" if on_gpus else "gloo",
        init_method=f"file://{meeting / 'meeting'}",
        rank=number,
        world_size=count,
        timeout=PATIENCE,
    )
    stopping.ask(anybody)


def _end_with_leader() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)
