"""``prefloop demo``: in the browser, or headless with a table at the end."""

import shutil
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from app.database import Database
from app.demo import headless, processes, seed, workforce_people, workforce_records
from app.errors import DomainError
from app.material.guidelines import service as guidelines
from app.migrate import migrate
from app.people import service as people
from app.settings import Settings, load_settings

MARK = "this-is-a-demo"
console = Console()


def demo_settings(name: str) -> Settings:
    """A demo lives in a folder of its own, on SQLite, so that it never touches real data."""
    folder = load_settings().data_dir / name
    return Settings(data_dir=folder, database_url=f"sqlite:///{folder.resolve() / 'prefloop.db'}")


def _open_folder(folder: Path, *, fresh: bool) -> None:
    """Make the demo's folder; ``fresh`` empties it, but only if a demo made it."""
    if fresh and folder.exists():
        if not (folder / MARK).exists() and any(folder.iterdir()):
            raise DomainError(f"{folder} was not made by a demo, so it is not emptied. Move it away first.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def in_the_browser(*, fresh: bool, port: int, seed_number: int, with_workforce: bool = False) -> None:
    """Migrate, seed, start web and worker, print the address and the passwords, and stay until Ctrl+C.

    ``with_workforce`` adds the work of forty simulated labelers, for the pages about people's work.
    """
    settings = demo_settings("demo")
    _open_folder(settings.data_dir, fresh=fresh)
    console.print("Preparing the demo: tables, people, prompts, answers …")
    migrate(settings.database)
    database = Database(settings.database)
    passwords = seed.seed(settings, database, seed_number)
    if with_workforce:
        with database.transaction() as session:
            workforce_records.store_once(session, workforce_people.Plan(seed=seed_number))
    database.dispose()
    chosen = processes.free_port(port)
    with processes.running(settings, chosen) as children:
        _welcome(f"http://127.0.0.1:{chosen}", passwords)
        try:
            psutil.wait_procs([psutil.Process(child.pid) for child in children])
        except KeyboardInterrupt:
            console.print("\nStopping. Training runs go on from their last checkpoint at the next start.")


def _welcome(address: str, passwords: dict[str, str]) -> None:
    console.print(f"\n[bold]Prefloop runs at {address}[/bold]\n")
    console.print("Sign in as one of these; each one-time password asks for a password of your own.\n")
    for role, _name in seed.PEOPLE:
        email = f"{role}@demo.example"
        console.print(f"  {email:<25}{passwords.get(email, '(the password you chose)')}", highlight=False)
    console.print("\nA base model is being trained meanwhile: see Runs. Ctrl+C stops; the next start goes on.")


def without_a_browser(*, fresh: bool, plan: headless.Plan, json_file: Path | None) -> None:
    """Play the loop, print the table, write the numbers."""
    settings = demo_settings("demo-headless")
    if not fresh and (settings.data_dir / "prefloop.db").exists():
        raise DomainError(f"{settings.data_dir} holds an earlier play. Add --fresh to start anew.")
    _open_folder(settings.data_dir, fresh=fresh)
    migrate(settings.database)
    database = Database(settings.database)
    with database.transaction() as session:
        guidelines.ensure_defaults(session)
        _, password = people.add_person(session, None, email="admin@demo.example", name="Ada", role="admin")
    database.dispose()
    result = headless.play(settings, plan, password, lambda line: console.print(f"· {line}", highlight=False))
    console.print(_table(result.numbers, plan))
    if json_file:
        json_file.write_text(result.as_json() + "\n", encoding="utf-8")


def _table(n: dict[str, float | int | None], plan: headless.Plan) -> Table:
    table = Table(title=f"One turn of the loop (seed {plan.seed})", show_header=False)
    for name, value in (
        ("pairs used / tied", f"{n['pairs_used']:,} / {n['pairs_tied']:,}"),
        (
            "reward model, held-out prompts",
            f"{n['reward_accuracy']:.3f} [{n['reward_accuracy_low']:.3f}, {n['reward_accuracy_high']:.3f}]",
        ),
        ("  possible with this noise", f"{n['reward_accuracy_possible']:.3f}"),
        ("  longer answer wins", f"{n['longer_wins']:.3f}"),
        ("true utility, SFT → PPO", f"{n['utility_sft']:.3f} → {n['utility_ppo']:.3f}"),
        ("KL of PPO to SFT, nats an answer", f"{n['kl']:.2f} (SFT: 0)"),
        (
            "blind win rate of PPO over SFT",
            f"{n['win_rate']:.3f} [{n['win_rate_low']:.3f}, {n['win_rate_high']:.3f}], {n['prompts_compared']} prompts",
        ),
        ("time, memory", f"{n['seconds']:.0f} s, {n['peak_rss_mb']:,} MB at the peak"),
    ):
        table.add_row(name, value)
    return table
