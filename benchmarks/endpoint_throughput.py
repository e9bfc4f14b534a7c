"""Drawing answers from a server that fails and dies: whether all come, each once, and how busy the server was kept.

The server is a process of its own. It answers so many requests at the same time, each after so long, refuses 5 % of
them, is killed once in the middle and started again. Its own throughput is slots ÷ seconds: nobody can have more.

    python benchmarks/endpoint_throughput.py [--json FILE] [--quick]
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from tests.completions import KEY, MODEL
from trainer.__main__ import main as train
from trainer.contract.folder import CANDIDATES, CHECKPOINTS, INPUTS, PROMPTS, RunSpec, write_json
from trainer.contract.generators import KEY as KEY_VARIABLE
from trainer.contract.generators import Generator
from trainer.contract.records import Candidate, Message, Prompt, read_rows, write_rows
from trainer.loop.seed import derived
from trainer.stages.sample import PROGRESS

ANSWERS = 4
SLOTS, SECONDS = 32, 0.8
CONCURRENCY = 40  # a few wait at the server, as they do with vLLM, so that no slot waits for them
FAILING = 0.05

console = Console()


class Server:
    """The server, and what is known of its life."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.down = 0.0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.completions", *map(str, (self.port, SLOTS, SECONDS, FAILING))]
        self._process = subprocess.Popen(command)
        while True:
            try:
                httpx.get(self.url)
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def die_after(self, progress: Path, lines: int, pause: float) -> None:
        """Be killed when so many answers have come, and be back after a pause."""
        while not progress.exists() or progress.read_bytes().count(b"\n") < lines:
            time.sleep(0.05)
        begun = time.monotonic()
        self.kill()
        time.sleep(pause)
        self.start()
        self.down = time.monotonic() - begun


def measure(prompts: int, *, dies: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="prefloop-endpoint-") as name:
        folder = Path(name)
        (folder / INPUTS).mkdir()
        asked = [Prompt(prompt_id=str(i), messages=[Message(role="user", content=f"Say {i}.")]) for i in range(prompts)]
        write_rows(folder / INPUTS / PROMPTS, Prompt, asked)
        server = Server()
        generator = Generator(
            name="test", url=server.url, model=MODEL, concurrency=CONCURRENCY, timeout_seconds=30, hosts=("127.0.0.1",)
        )
        config = {"answers_per_prompt": ANSWERS}
        write_json(folder / "config.json", RunSpec(stage="sample", generator=generator, config=config))
        progress = folder / CHECKPOINTS / PROGRESS
        total = prompts * ANSWERS
        killer = threading.Thread(target=server.die_after, args=(progress, total // 2, 2.0))
        if dies:
            killer.start()
        os.environ[KEY_VARIABLE] = KEY
        assert train(["sample", str(folder)]) == 0
        if dies:
            killer.join()
        server.kill()
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return checked(folder, prompts) | {
            "answers": total,
            "seconds": lines[-1]["time/seconds"],
            "down": round(server.down, 2),
        }


def checked(folder: Path, prompts: int) -> dict[str, int]:
    """Every answer there, once, and the one that its seed stands for."""
    rows = list(read_rows(folder / CANDIDATES, Candidate))
    places = Counter((row.prompt_id, row.index) for row in rows)
    wanted = {(str(i), k) for i in range(prompts) for k in range(ANSWERS)}
    seeds = {place: derived(0, "answer", *place, 0) % 2**31 for place in wanted}
    wrong = sum(row.text != f"Say {row.prompt_id}. {seeds[row.prompt_id, row.index]}" for row in rows)
    drawn = (folder / CHECKPOINTS / PROGRESS).read_text().count("\n")
    return {
        "missing": len(wanted - set(places)),
        "twice": sum(count > 1 for count in places.values()),
        "wrong": wrong,
        "drawn": drawn,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a tenth of the prompts")
    options = parser.parse_args()
    prompts = 100 if options.quick else 1_000
    table = Table(
        "server", "answers", "missing", "twice", "wrong", "s", "down, s", "answers / s", "of the server's own"
    )
    found = {}
    for name, dies in (("fails 5 %", False), ("fails 5 %, dies once", True)):
        told = measure(prompts, dies=dies)
        rate = told["answers"] / (told["seconds"] - told["down"])
        share = rate / (SLOTS / SECONDS)
        found[name] = told | {"rate": round(rate, 1), "share": round(share, 3)}
        table.add_row(
            name,
            *(f"{told[key]:,}" for key in ("answers", "missing", "twice", "wrong")),
            f"{told['seconds']:.1f}",
            f"{told['down']:.1f}",
            f"{rate:.1f}",
            f"{share:.1%}",
        )
    console.print(table)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
