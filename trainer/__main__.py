"""``python -m trainer STAGE RUN_FOLDER``: the only entry to the training programs.

Success leaves ``manifest.json`` (exit 0), failure leaves ``error.json`` (exit 1). SIGTERM or Ctrl+C lets a stage that
saves as it goes finish its step and save, and leaves neither (exit 143); starting again goes on from the checkpoint.
A worker adds ``--leased``: see ``trainer.contract.lease``.

``--dry-run`` takes a few steps in a folder of its own, leaves the run folder as it is, and tells what the run is going
to take: one line of JSON (``trainer.contract.forecast``).

``python -m trainer inspect MODEL_FOLDER KIND`` tells what a model from elsewhere is and needs, or why it cannot be
used: one line of JSON (``trainer.contract.inspection``), exit 0 or 1.
"""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from trainer.contract.configs import CONFIGS
from trainer.contract.errors import StageError
from trainer.contract.folder import (
    CHECKPOINTS,
    CONFIG,
    ERROR,
    INPUTS,
    MANIFEST,
    MODEL,
    RunManifest,
    saved_step,
    sha256_of,
    write_json,
)
from trainer.contract.forecast import DRY_RUN, PROBED, PROBED_STEPS, Forecast, lowers_memory
from trainer.contract.inspection import INSPECT, KINDS, Kind, look, refused
from trainer.contract.lease import LEASED
from trainer.contract.limits import this_machine
from trainer.loop import lease, stopping

if TYPE_CHECKING:
    from trainer.loop.run_folder import RunFolder

USAGE = (
    f"usage: python -m trainer STAGE RUN_FOLDER [{LEASED} | {DRY_RUN}]\n  STAGE is one of: {', '.join(CONFIGS)}\n"
    f"       python -m trainer {INSPECT} MODEL_FOLDER KIND\n  KIND is one of: {', '.join(KINDS)}"
)
WEIGHTS = "model.safetensors"
FIRST_WORD_SECONDS = 30


def main(arguments: list[str]) -> int:
    """Run one stage in its folder, or inspect a model; returns the exit status."""
    if len(arguments) == 3 and arguments[0] == INSPECT and arguments[2] in KINDS:
        return tell_of_model(Path(arguments[1]), arguments[2])
    if len(arguments) < 2 or arguments[0] not in CONFIGS or arguments[2:] not in ([], [LEASED], [DRY_RUN]):
        say(USAGE)
        return 2
    stage, path = arguments[0], Path(arguments[1])
    if LEASED in arguments:
        lease.follow(sys.stdin.fileno(), FIRST_WORD_SECONDS)
    if not path.is_dir():
        say(f"There is no run folder at {path}.")
        return 2
    return foretell(stage, path) if DRY_RUN in arguments else work_in(path, stage)


def work_in(path: Path, stage: str) -> int:
    """Run one stage in its folder, unless that is done; returns the exit status."""
    if (path / MANIFEST).exists():
        say(f"{path} is finished already: {MANIFEST} is there. Nothing to do.")
        return 0
    (path / ERROR).unlink(missing_ok=True)
    try:
        run(stage, path)
    except Exception as error:  # noqa: BLE001 - whatever happened, a person shall read about it
        return fail(stage, path, error)
    return 0


def foretell(stage: str, path: Path) -> int:
    """Print what a run is going to take, for programs; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="prefloop-dry-run-") as temporary:
        copy = Path(temporary)
        try:
            spec = json.loads((path / CONFIG).read_text(encoding="utf-8"))
            write_json(copy / CONFIG, {**spec, "dry_run": True})
            if (path / INPUTS).exists():
                shutil.copytree(path / INPUTS, copy / INPUTS)
            run(stage, copy)
        except Exception as error:  # noqa: BLE001 - as in ``main``
            return fail(stage, copy, error)
        say(json.dumps(json.loads((copy / MANIFEST).read_text(encoding="utf-8"))["forecast"]))
    return 0


def tell_of_model(folder: Path, kind: Kind) -> int:
    """Print what an inspection found, for programs."""
    seen, problems = look(folder)
    if seen is None:
        found = refused(problems)
    else:
        from trainer.models.inspection import inspect

        found = inspect(folder, kind)
    say(found.model_dump_json())
    return 0 if found.facts else 1


def run(stage: str, path: Path) -> None:
    """Check the folder, run the stage, and close the folder with its manifest."""
    started = time.monotonic()
    # Idle threads of a tiny model would spin at each barrier and take the cores from the web and worker
    # processes beside them; sleeping doubles the speed on a busy machine. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from trainer.loop import processes
    from trainer.loop.finite import check_said
    from trainer.loop.run_folder import RunFolder

    folder = RunFolder(path)
    if folder.spec.stage != stage:
        raise ValueError(f'You asked for the stage "{stage}", but {CONFIG} is for "{folder.spec.stage}".')
    say(f"{stage} in {path}")
    module = importlib.import_module(f"trainer.stages.{stage}")
    if not gc.isenabled():  # see `process`
        gc.freeze()
        gc.enable()
    metrics, forecast = {}, None
    if folder.spec.dry_run:
        forecast = probed(folder, module, started, path).model_dump()
    else:
        with processes.together(folder.config, stage, path):
            metrics = module.run(folder)
            processes.leave_to_leader()
    check_said({f"The {stage} stage, measuring “{name}”,": number for name, number in metrics.items()})
    manifest = RunManifest(
        stage=folder.spec.stage,
        metrics=metrics,
        notes=folder.notes,
        judging=folder.judging,
        cross_validation=folder.cross_validation,
        forecast=forecast,
        provenance=provenance(folder, started),
        files=results(path),
    )
    lease.hold()
    write_json(path / MANIFEST, manifest)
    say(f"{stage} done in {manifest.provenance['seconds']} s")


def probed(folder: RunFolder, module: Any, started: float, path: Path) -> Forecast:
    """Let a stage take a few steps.

    Raises:
        ValueError: it does not go step by step.
    """
    import torch

    from trainer.loop import processes
    from trainer.loop.device import prepare

    stage = folder.spec.stage
    if stage not in PROBED:
        raise ValueError(f"The {stage} stage takes no steps that could be measured beforehand. Start it as it is.")
    compute = prepare(folder.config)
    stopping.measure(PROBED_STEPS)
    try:
        with processes.together(folder.config, stage, path):
            try:
                module.run(folder)
            finally:
                processes.leave_to_leader()
    except stopping.Measured as measured:
        on_gpu = compute.device.type == "cuda"
        memory = torch.cuda.get_device_properties(compute.device).total_memory if on_gpu else this_machine().memory
        held = torch.cuda.max_memory_reserved(compute.device) if on_gpu else int((peak_rss_mb() or 0) * 2**20)
        dtype = str(compute.dtype).removeprefix("torch.")
        return Forecast(
            steps=measured.steps,
            probed=len(measured.seconds),
            seconds_before=measured.began - started,
            seconds_per_step=statistics.median(measured.seconds[1:] or measured.seconds or [0.0]),
            peak_bytes=held,
            memory_bytes=memory,
            device=compute.device.type,
            dtype=dtype,
            lower=lowers_memory(folder.config, dtype),
        )
    finally:
        stopping.measure(None)
    raise ValueError(f"This {stage} run has no step to take.")


def provenance(folder: RunFolder, started: float) -> dict[str, Any]:
    """What a run must say of itself to be repeated: code, libraries, data, parents, seed, machine, cost."""
    import torch
    import transformers

    parents = {
        role: {"folder": str(path), "sha256": folder.opened.parents[role].get(WEIGHTS)}
        for role, path in folder.spec.parents.items()
    }
    asked = folder.spec.generator
    return {
        "seed": folder.spec.seed,
        **({"generator": asked.model_dump(include={"name", "url", "model"})} if asked else {}),
        "snapshot": folder.spec.snapshot.name if folder.spec.snapshot else None,
        "parents": parents,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "git": git_state(),
        "hardware": hardware(),
        "threads": torch.get_num_threads(),
        "seconds": round(time.monotonic() - started, 2),
        "peak_rss_mb": peak_rss_mb(),
    }


def results(path: Path) -> dict[str, str]:
    """SHA-256 of each result file: what is outside ``checkpoints/`` and was not there before the run."""
    inputs = {CONFIG, CHECKPOINTS, INPUTS}
    files = sorted(f for f in path.rglob("*") if f.is_file())
    named = ((f.relative_to(path), f) for f in files)
    return {
        name.as_posix(): sha256_of(file)
        for name, file in named
        if name.parts[0] not in inputs
        # Whatever a library saves with a model is a part of it.
        and (name.parts[0] == MODEL or file.suffix in {".parquet", ".json", ".jsonl"})
    }


def git_state() -> dict[str, Any] | None:
    """Commit of this code and whether the tree was clean; None outside a git tree."""
    here = Path(__file__).resolve().parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
        changes = subprocess.run(["git", "status", "--porcelain"], cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit.stdout.strip(), "clean": not changes.stdout.strip()}


def hardware() -> dict[str, Any]:
    import psutil
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"cpu": cpu_name(), "cores": psutil.cpu_count(), "gpu": gpus, "system": platform.platform()}


def cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def peak_rss_mb() -> float | None:
    """Largest resident memory of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def fail(stage: str, path: Path, error: Exception) -> int:
    """Leave ``error.json`` and say the same on stdout; returns the exit status."""
    sentence, resumable = explain(stage, error)
    if isinstance(error, StageError) and "step" in error.details:
        sentence += f" {kept(path)}"
    say(sentence)
    trace = "".join(traceback.format_exception(error))
    print(trace, file=sys.stderr, flush=True)  # noqa: T201
    told = {"kind": type(error).__name__, "message": sentence, "resumable": resumable}
    details = error.details if isinstance(error, StageError) else {}
    lease.hold()
    try:
        write_json(path / ERROR, {**told, **details, "traceback": trace})
    except OSError as full:
        say(f"{ERROR} could not be written either: {full}")
    return 1


def kept(path: Path) -> str:
    """What a run that broke in the middle leaves behind, in words."""
    step = saved_step(path)
    return "There was no checkpoint yet." if step is None else f"The checkpoint of step {step} is kept."


def explain(stage: str, error: Exception) -> tuple[str, bool]:
    """Say in a sentence what happened and what to do, and whether starting the run again may succeed."""
    text = str(error)
    if isinstance(error, StageError):
        return text, error.resumable
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in text:
        return (
            f"The disk is full ({text}). Make room and start the run again: it goes on from its last checkpoint.",
            True,
        )
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return f"The {stage} stage ran out of memory ({text}). Lower {memory_settings(stage)}.", True
    if isinstance(error, FileNotFoundError):
        return f"The {stage} stage misses a file that it reads ({text}). Put it back, or start a new run.", False
    ours = Path(__file__).resolve().parent
    frames = traceback.extract_tb(error.__traceback__)
    # Our own ValueErrors and OSErrors are sentences already; those from inside a library are not.
    if isinstance(error, ValueError | OSError) and frames and Path(frames[-1].filename).is_relative_to(ours):
        # A ValueError of ours is about the order itself, which is the same when the run is started again.
        return text, not isinstance(error, ValueError)
    unexpected = f"The {stage} stage stopped on an unexpected {type(error).__name__}: {text or 'no message'}."
    return (
        f"{unexpected} The traceback in {ERROR} says where; starting the run again goes on from its last checkpoint.",
        True,
    )


def memory_settings(stage: str) -> str:
    """The settings to look at, as words: ``“tokens_per_forward”, “dtype” or “batch_size”``."""
    kind = CONFIGS.get(stage)  # type: ignore[call-overload]
    names = [f"“{name}”" for name in (lowers_memory(kind(), "float32") if kind else [])] or ["what it reads together"]
    return ", ".join(names[:-1]) + (" or " if names[1:] else "") + names[-1]


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def process() -> NoReturn:
    """Be the process of one stage: seconds shorter than the interpreter's own start and end.

    What torch and transformers load, a million objects, stays to the end. The collector would go through it again and
    again meanwhile, and the interpreter take it apart piece by piece, for nobody.
    """
    gc.disable()
    stopping.listen()
    try:
        status: Any = main(sys.argv[1:])
    except SystemExit as left:
        status = left.code
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a full disk; the exit status tells what matters
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    process()
