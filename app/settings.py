"""The only reader of the environment. Every setting is ``PREFLOOP_<NAME>``."""

import os
import secrets
import time
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things lie and how the processes of a deployment behave.

    Attributes:
        data_dir: snapshots/, runs/, corpora/ and the default SQLite files live under it.
        database_url: SQLAlchemy address; empty = SQLite in the data folder.
        secret_key: signs session cookies; empty = one made once and kept in the data folder.
        encryption_key: keys of generators are encrypted with it; empty = one made once and kept in the data folder. Web
            and worker need the same.
        secure_cookies: send cookies over HTTPS only (behind a TLS proxy).
        worker_slots: training runs that one worker executes at the same time.
        worker_name: what pages call this worker; each of its processes has an identity of its own besides.
        lease_seconds: a run is a worker's for so long after its last sign of life; without one it ends its trainer,
            and half as long again later another worker takes the run.
        stop_seconds: a trainer that is told to stop has so long to finish its step and save it.
        models_dir: folder whose models the page “Add a model” offers; empty = import/ in the data folder.
        generator_hosts: where generators may be, with commas between: ``host``, ``host:port``, or ``*`` for any public
            host over https; empty = nowhere.
        upload_limit_mb: largest file, in megabytes, that a browser may send; larger ones go by `prefloop import`.
        trusted_proxies: addresses and networks, with commas between, of proxies that are believed whom they serve
            (`X-Forwarded-For`) and how (`X-Forwarded-Proto`); empty = nobody is.
        base_url: address under which people reach the application, for printed links.
    """

    model_config = SettingsConfigDict(env_prefix="PREFLOOP_", env_file=".env", extra="ignore")

    data_dir: Path = Path("data")
    database_url: str = ""
    secret_key: str = ""
    encryption_key: str = ""
    secure_cookies: bool = False
    worker_slots: int = 1
    worker_name: str = "worker-1"
    lease_seconds: float = 60
    stop_seconds: float = 60
    models_dir: Path | None = None
    generator_hosts: str = ""
    upload_limit_mb: int = 200
    trusted_proxies: str = ""

    @cached_property
    def database(self) -> str:
        """The application's database, in SQLAlchemy's form with the driver named."""
        url = self.database_url or f"sqlite:///{self.data_dir.resolve() / 'prefloop.db'}"
        for bare in ("postgresql://", "postgres://"):
            if url.startswith(bare):
                return "postgresql+psycopg://" + url.removeprefix(bare)
        return url

    @cached_property
    def workflow_database(self) -> str:
        """Where durable workflows keep their state: the same PostgreSQL, or an SQLite file beside the first.

        On SQLite it is a file of its own: two libraries writing to one file would wait for each other's locks.
        """
        if self.database.startswith("sqlite"):
            return f"sqlite:///{self.data_dir.resolve() / 'workflows.db'}"
        return self.database

    @cached_property
    def models_to_bring(self) -> Path:
        return (self.models_dir or self.data_dir / "import").resolve()

    @cached_property
    def session_key(self) -> str:
        return self.secret_key or _kept_key(self.data_dir / "session.key", "everybody will have to sign in again")

    @cached_property
    def sealing_key(self) -> str:
        return self.encryption_key or _kept_key(
            self.data_dir / "encryption.key", "keys of generators will have to be entered again"
        )


def _kept_key(file: Path, price: str) -> str:
    """The key in a file, which is made if need be; of processes that start together one makes it and all read it.

    An empty key is never handed out: whoever knew that it is empty could sign a session for anybody.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as new:
            new.write(secrets.token_urlsafe(48))
    for _ in range(20):
        if key := file.read_text().strip():
            return key
        time.sleep(0.1)  # another process has made the file and is about to fill it
    raise RuntimeError(f"{file} is empty. Delete it, so that a new key is made; {price}.")


@lru_cache
def load_settings() -> Settings:
    return Settings()
