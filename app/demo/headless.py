"""The whole loop over the real HTTP server, with simulated labelers in the chairs.

Every step goes through the pages that people use; only the reading of true utilities, which no
page knows, looks into the run folders.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from app.demo.labelers import SimulatedLabeler, utility
from app.demo.processes import free_port, resident_bytes, running
from app.demo.visitor import LabelerAtWork, Visitor
from app.demo.world import Lesson, lessons
from app.settings import Settings
from app.web.tables import csv_line
from trainer.contract.folder import CANDIDATES, RANKINGS
from trainer.contract.records import Candidate, Ranking, comparisons, read_rows

PASSWORD = "nine small paper lanterns"  # noqa: S105 - of people who exist for minutes, on this machine only


@dataclass(frozen=True)
class Plan:
    """How big the play is and how its people judge.

    Attributes:
        lessons: prompts with a demonstration that are imported.
        written: demonstrations that the labelers write themselves.
        ranked: prompts whose answers people rank.
        answers: K, answers per ranked prompt.
        judged: held-out prompts on which SFT and PPO are compared, two answers each.
        noise: standard deviation of a labeler's error, in units of utility.
        tie_threshold: answers that look closer than this are called equal.
    """

    seed: int = 1
    lessons: int = 1500
    written: int = 12
    ranked: int = 420
    answers: int = 6
    judged: int = 120
    labelers: int = 4
    noise: float = 0.2
    tie_threshold: float = 0.06
    heldout_percent: int = 20
    configs: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = (
        ("pretrain", (("steps", 500), ("batch_size", 32), ("block", 96), ("layers", 3))),
        ("sft", (("epochs", 5),)),
        ("sample", (("max_new_tokens", 32),)),
        ("reward", (("epochs", 3), ("prompts_per_batch", 16))),
        ("ppo", (("iterations", 50), ("max_new_tokens", 32), ("kl_coefficient", 0.1))),
        ("evaluate", (("max_new_tokens", 32),)),
    )

    def config(self, stage: str) -> dict[str, Any]:
        return {f"config-{name}": value for name, value in dict(self.configs).get(stage, ())}


@dataclass
class Result:
    """What the play found out; ``as_json`` is what ``--json`` writes."""

    numbers: dict[str, float | int | None]

    def as_json(self) -> str:
        return json.dumps(self.numbers, indent=2)


class PeakMemory:
    """The largest resident memory of all processes together, looked at twice a second."""

    def __init__(self) -> None:
        self.bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            self.bytes = max(self.bytes, resident_bytes())

    @contextmanager
    def watched(self) -> Iterator["PeakMemory"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()


def play(settings: Settings, plan: Plan, admin_password: str, say: Callable[[str], None]) -> Result:
    """Play one turn of the loop on a migrated, empty database that has one admin, ``admin@demo.example``.

    Args:
        settings: data folder and database of the play.
        plan: size and noise.
        admin_password: the admin's one-time password.
        say: is told what happens, a line at a time.
    """
    started = time.monotonic()
    port = free_port(0)  # any: two plays at once must not meet at one address
    base = f"http://127.0.0.1:{port}"
    with running(settings, port), PeakMemory().watched() as memory:
        numbers = _Play(base, settings, plan, say).all_of_it(admin_password)
    numbers["seconds"] = round(time.monotonic() - started, 1)
    numbers["peak_rss_mb"] = round(memory.bytes / 2**20)
    return Result(numbers)


class _Play:
    def __init__(self, base: str, settings: Settings, plan: Plan, say: Callable[[str], None]) -> None:
        self.base, self.settings, self.plan, self.say = base, settings, plan, say
        self.admin, self.engineer = Visitor(base), Visitor(base)
        self.labelers: list[LabelerAtWork] = []
        self.clock = time.monotonic()

    def all_of_it(self, admin_password: str) -> dict[str, float | int | None]:
        plan = self.plan
        self._people(admin_password)
        self._import()
        base = self._run("pretrain", {})
        if plan.written:
            self._campaign(
                "Write an answer", {"kind": "demonstration", "prompts": plan.written, "source": "lessons-extra"}
            )
            self._work("demonstrations")
        first = self._freeze("prompts and demonstrations")
        sft = self._run("sft", {"parent-base": base["model_id"], "snapshot": first})
        sample = {"parent-policy": sft["model_id"], "snapshot": first, "config-answers_per_prompt": plan.answers}
        self._run("sample", {**sample, "prompts-count": plan.ranked, "campaign-name": "Round 1: rank the answers"})
        self._work("rankings")
        second = self._freeze("rankings of round 1")
        reward = self._run("reward", {"parent-sft": sft["model_id"], "snapshot": second})
        parents = {"parent-sft": sft["model_id"], "parent-reward": reward["model_id"]}
        ppo = self._run("ppo", {**parents, "snapshot": second})
        utilities = {}
        for name, model in (("sft", sft), ("ppo", ppo)):
            heldout = {"prompts-split": "heldout", "prompts-count": plan.judged, "prompts-seed": plan.seed}
            asked = {"parent-policy": model["model_id"], "snapshot": second, "config-answers_per_prompt": 2}
            run = self._run("sample", {**asked, **heldout, "seed": plan.seed + 1})
            utilities[name] = self._true_utility(run["id"])
        three = {"parent-policy": ppo["model_id"], "parent-reference": sft["model_id"], **parents}
        evaluated = self._run("evaluate", {**three, "snapshot": second})
        verdict = self._compare(ppo, sft)
        latest = reward["latest"]
        return {
            "pairs_used": latest["data/pairs_used"],
            "pairs_tied": latest["data/pairs_tied"],
            "reward_accuracy": latest["reward/heldout_accuracy"],
            "reward_accuracy_low": latest["reward/heldout_accuracy_low"],
            "reward_accuracy_high": latest["reward/heldout_accuracy_high"],
            "reward_accuracy_possible": self._possible_accuracy(second),
            "longer_wins": latest["reward/longer_wins"],
            "utility_sft": utilities["sft"],
            "utility_ppo": utilities["ppo"],
            "kl": evaluated["latest"]["kl/sequence"],
            "win_rate": verdict["win_rate"],
            "win_rate_low": verdict["low"],
            "win_rate_high": verdict["high"],
            "prompts_compared": verdict["prompts"],
        }

    def _done(self, what: str) -> None:
        now = time.monotonic()
        self.say(f"{what} ({now - self.clock:.0f} s)")
        self.clock = now

    def _people(self, admin_password: str) -> None:
        self.admin.sign_in("admin@demo.example", admin_password, PASSWORD)
        self.admin.get("/people")
        self.engineer.sign_in(
            "engineer@demo.example", self.admin.add_person("engineer@demo.example", "engineer"), PASSWORD
        )
        for number in range(1, self.plan.labelers + 1):
            email = f"labeler{number}@demo.example"
            mind = SimulatedLabeler(f"labeler {number}", self.plan.noise, self.plan.tie_threshold, self.plan.seed)
            labeler = LabelerAtWork(self.base, mind)
            labeler.sign_in(email, self.admin.add_person(email, "labeler"), PASSWORD)
            self.labelers.append(labeler)
        self._done(f"an engineer and {self.plan.labelers} labelers have accounts")

    def _import(self) -> None:
        """The admin uploads prompts with demonstrations (JSONL), and prompts without (CSV)."""
        plan = self.plan
        world = lessons(plan.seed, plan.lessons + plan.written)
        self.admin.get("/prompts/import")
        demonstrations = "".join(
            json.dumps({"id": lesson.name, "prompt": lesson.prompt, "response": lesson.sentence}) + "\n"
            for lesson in world[: plan.lessons]
        )
        self._upload("demonstrations", "lessons.jsonl", demonstrations)
        if plan.written:
            self._upload("prompts", "lessons-extra.csv", _csv(world[plan.lessons :]))
        self._done(f"{len(world)} prompts imported, {plan.lessons} of them with a demonstration")

    def _upload(self, kind: str, name: str, content: str) -> None:
        self.admin.post("/prompts/import", {"kind": kind}, files={"file": (name, content.encode())})

    def _freeze(self, name: str) -> int:
        self.engineer.get("/snapshots")
        form = {"name": name, "heldout": self.plan.heldout_percent, "seed": self.plan.seed}
        answer = self.engineer.post("/snapshots", form)
        self._done(f"snapshot “{name}” frozen")
        return _number_in(answer.headers["location"])

    def _run(self, stage: str, form: dict[str, Any]) -> dict[str, Any]:
        self.engineer.get(f"/runs/new?stage={stage}")
        answer = self.engineer.post(
            "/runs", {"stage": stage, "seed": self.plan.seed, **self.plan.config(stage), **form}
        )
        run = self.engineer.wait_for_run(answer.headers["location"])
        shown = ("loss/heldout", "reward/heldout_accuracy", "reward/score_end", "kl/sequence", "data/candidates")
        numbers = ", ".join(
            f"{name} {run['latest'][name]:.4g}" for name in shown if run["latest"].get(name) is not None
        )
        self._done(f"{run['name']} succeeded: {numbers}")
        return run

    def _campaign(self, name: str, form: dict[str, Any]) -> None:
        self.engineer.get("/campaigns/new")
        self.engineer.post("/campaigns", {"name": name, "overlap": 1, "reserved_minutes": 30, **form})

    def _work(self, what: str) -> None:
        """The labelers take turns until there is nothing left: one at a time, so that the same seed plays the same."""
        done, working = 0, list(self.labelers)
        while working:
            for labeler in list(working):
                if labeler.do_next_task():
                    done += 1
                else:
                    working.remove(labeler)
        self._done(f"{done} {what} submitted by {len(self.labelers)} labelers")

    def _compare(self, ppo: dict[str, Any], sft: dict[str, Any]) -> dict[str, Any]:
        """A blind comparison of both models' answers to held-out prompts, judged by all labelers in turn."""
        self.engineer.get("/evaluations")
        answer = self.engineer.post(
            "/evaluations",
            {
                "name": "PPO against SFT",
                "model_a_id": ppo["model_id"],
                "model_b_id": sft["model_id"],
                "prompts": self.plan.judged,
                "overlap": 1,
                "answers_each": 2,
            },
        )
        self._work("blind comparisons")
        report = self.engineer.json(f"/evaluations/{_number_in(answer.headers['location'])}.json")
        verdict: dict[str, Any] = next(pair for pair in report["pairs"] if pair["model"] == ppo["name"])
        return verdict

    def _true_utility(self, run_id: int) -> float:
        folder = self.settings.data_dir / "runs" / str(run_id)
        return fmean(utility(row.text) for row in read_rows(folder / CANDIDATES, Candidate))

    def _possible_accuracy(self, snapshot_id: int) -> float:
        """How often the true utility itself agrees with the held-out rankings: the best any model can do."""
        digest = re.search(r"<code>([0-9a-f]{16})</code>", self.engineer.get(f"/snapshots/{snapshot_id}"))
        if not digest:
            raise RuntimeError("the snapshot's page shows no digest")
        agreed: list[float] = []
        for ranking in read_rows(self.settings.data_dir / "snapshots" / digest[1] / RANKINGS, Ranking):
            if ranking.split == "heldout":
                truth = [utility(answer.text) for answer in ranking.answers]
                strict, _ = comparisons(ranking.ranks)
                agreed += [_agreement(truth[pair.winner], truth[pair.loser]) for pair in strict]
        return fmean(agreed)


def _agreement(winner: float, loser: float) -> float:
    return 1.0 if winner > loser else 0.5 if winner == loser else 0.0


def _number_in(address: str) -> int:
    return int(address.rstrip("/").rpartition("/")[2])


def _csv(rows: list[Lesson]) -> str:
    cells = ((lesson.name, lesson.prompt, f"visitor-{i % 5}") for i, lesson in enumerate(rows))
    return "".join(map(csv_line, [("id", "prompt", "user"), *cells]))
