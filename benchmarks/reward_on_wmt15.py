"""Real rankings through the whole product: import, freeze, train, registry.

Imports 5,896 real rankings with ties (WMT15, five translations each), freezes them, trains a small base model on the
standard library's docstrings and a reward model on the rankings, all as runs of a real worker, and reports held-out
pair accuracy beside "the longer answer wins".

    python benchmarks/reward_on_wmt15.py --rankings rankings_wmt15.jsonl.gz [--json FILE] [--quick]
"""

import argparse
import json
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.database import Database
from app.demo.processes import free_port, running
from app.labeling.importing import service as prompts
from app.migrate import migrate
from app.models import ModelVersion, Run
from app.settings import Settings
from app.training.runs import commands, service
from app.training.snapshots import service as snapshots
from app.training.snapshots.rules import Filters

console = Console()


@contextmanager
def timed(numbers, name):
    started = time.monotonic()
    yield
    numbers[name] = round(time.monotonic() - started, 1)
    console.print(f"· {name}: {numbers[name]} s", highlight=False)


def train(database, **order):
    with database.transaction() as session:
        run = service.start_run(session, None, service.Order(seed=1, **order))
    status = commands.follow(database, run.id, lambda _line: None)
    with database.reading() as session:
        run = session.get(Run, run.id)
        if status != "succeeded":
            raise SystemExit(f"{run.name} {status}: {run.error}")
        return session.query(ModelVersion).filter_by(run_id=run.id).one()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rankings", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the pretraining, one translation pair of three"
    )
    given = parser.parse_args()
    numbers = {}
    with tempfile.TemporaryDirectory(prefix="prefloop-wmt15-") as folder:
        data = Path(folder)
        settings = Settings(data_dir=data, database_url=f"sqlite:///{data / 'prefloop.db'}")
        migrate(settings.database)
        database = Database(settings.database)
        with timed(numbers, "seconds_import"), database.transaction() as session:
            entry = prompts.import_file(session, settings, None, given.rankings, given.rankings.name, kind="rankings")
        with timed(numbers, "seconds_freeze"), database.transaction() as session:
            filters = Filters(heldout_share=0.2, min_answers=5 if given.quick else 2)
            snapshot = snapshots.create_snapshot(session, settings, None, "wmt15", filters)
        numbers |= {"rows": entry.rows, "rows_refused": entry.rejected}
        numbers |= {name: snapshot.counts[name] for name in ("rankings", "strict_pairs", "tied_pairs")}
        with running(settings, free_port(0)):
            with timed(numbers, "seconds_pretrain"):
                config = {"steps": 50 if given.quick else 500, "batch_size": 32, "block": 96, "layers": 3}
                base = train(database, stage="pretrain", config=config, parents={}, snapshot_id=None)
            with timed(numbers, "seconds_reward"):
                order = {"stage": "reward", "config": {"epochs": 1}, "parents": {"sft": base.id}}
                reward = train(database, **order, snapshot_id=snapshot.id)
        numbers |= {name: value for name, value in reward.metrics.items() if name.startswith(("reward/", "data/"))}
        database.dispose()
    table = Table(title="A reward model on real rankings", show_header=False)
    for name, value in numbers.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    console.print(table)
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
