"""The container files, without containers: each service's command runs as it stands, against a real PostgreSQL."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import httpx
import pytest
import yaml
from compose_spec import PyCompose
from sqlalchemy import create_engine, make_url, text

from app.demo.processes import free_port

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 60
SECRETS = {"POSTGRES_PASSWORD": "p@ss/word:$%", "PREFLOOP_SECRET_KEY": "a long random text"}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\}")


def substituted(value, variables):
    """Compose's own rule for ``${NAME:?message}`` and ``${NAME:-default}``, in every text of the file."""
    if isinstance(value, dict):
        return {key: substituted(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [substituted(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def fill(found):
        if known := variables.get(found["name"]):
            return known
        if found["kind"] == "?":
            raise LookupError(found["rest"])
        return found["rest"] or ""

    return VARIABLE.sub(fill, value)


class Strict(yaml.SafeLoader):
    """Refuses a key that is said twice, as Compose does; PyYAML takes the last one."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"said twice in {node.start_mark}: {keys}"
        return super().construct_mapping(node, deep)


@pytest.fixture(scope="module")
def written():
    return yaml.load((ROOT / "docker-compose.yml").read_text(), Loader=Strict)


@pytest.fixture(scope="module")
def services(written):
    return substituted(written, SECRETS)["services"]


# docker-compose.yml ------------------------------------------------------------------------------


def read_strictly(compose):
    """By the Compose specification: unknown keys and values, misspelled conditions and malformed ports are errors."""
    return PyCompose.from_json(json.dumps(compose)).to_spec()


def test_the_compose_file_keeps_to_the_compose_specification(written):
    known = read_strictly(substituted(written, SECRETS))
    assert set(known.services) == {"db", "migrate", "web", "worker"}


@pytest.mark.parametrize(
    ("service", "mistake"),
    [
        ("web", {"comand": ["prefloop"]}),
        ("web", {"restart": "sometimes"}),
        ("web", {"ports": ["80x0:8000"]}),
        ("worker", {"depends_on": {"migrate": {"condition": "service_completed"}}}),
        ("worker", {"stop_grace_period": "a minute"}),
        ("db", {"healthcheck": {"tests": ["CMD", "true"]}}),
    ],
)
def test_mistakes_in_a_compose_file_are_found(written, service, mistake):
    right = substituted(written, SECRETS)
    wrong = right | {"services": right["services"] | {service: right["services"][service] | mistake}}
    with pytest.raises(ValueError, match="line 1 column"):
        read_strictly(wrong)


@pytest.mark.parametrize("missing", SECRETS)
def test_a_missing_secret_is_asked_for_by_name(written, missing):
    with pytest.raises(LookupError, match=f"set {missing} in .env"):
        substituted(written, {name: value for name, value in SECRETS.items() if name != missing})


def test_no_secret_has_a_default_and_the_database_is_not_published(written, services):
    for name in SECRETS:
        assert {found["kind"] for found in VARIABLE.finditer(yaml.dump(written)) if found["name"] == name} == {"?"}
    assert [name for name, service in services.items() if "ports" in service] == ["web"]
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_web_and_worker_wait_for_migrations_and_share_their_data(services):
    assert services["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"
    folder = {name: services[name]["environment"]["PREFLOOP_DATA_DIR"] for name in ("web", "worker")}
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["restart"] == "unless-stopped"
        assert services[name]["volumes"] == [f"data:{folder[name]}"]
    assert len(set(folder.values())) == 1
    assert services["worker"]["environment"]["PREFLOOP_WORKER_NAME"]


def test_only_the_proxy_in_front_is_believed_whom_it_serves(written, services):
    """It comes through the gateway of Compose's own network, which lies in Docker's range of addresses."""
    assert services["web"]["environment"]["PREFLOOP_TRUSTED_PROXIES"] == "172.16.0.0/12"
    assert services["web"]["ports"][0].startswith("127.0.0.1:"), "whoever else reached the port could say anything"
    said = substituted(written, SECRETS | {"PREFLOOP_TRUSTED_PROXIES": "none"})["services"]["web"]["environment"]
    assert said["PREFLOOP_TRUSTED_PROXIES"] == "none"


def test_every_named_volume_is_declared(written, services):
    used = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert used == set(written["volumes"])


# The processes themselves ------------------------------------------------------------------------


@pytest.fixture
def deployment(services, postgresql_server, tmp_path):
    """The database that the image ``postgres`` would have made, and a way to start a service's command on it."""
    owner, name = (services["db"]["environment"][key] for key in ("POSTGRES_USER", "POSTGRES_DB"))
    server = make_url(postgresql_server).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {owner} LOGIN"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {owner}"))
    started = []

    def address_here(address):
        """The same role and database, on this machine's server in place of the host ``db``."""
        url = make_url(address)
        assert (url.host, url.username, url.database) == ("db", owner, name)
        return url.set(host=None, port=None, query=server.query).render_as_string(hide_password=False)

    def environment(service):
        given = {key: str(value) for key, value in services[service]["environment"].items()}
        given["PREFLOOP_DATABASE_URL"] = address_here(given["PREFLOOP_DATABASE_URL"])
        given["PREFLOOP_DATA_DIR"] = str(tmp_path / "data")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PREFLOOP_")}
        return {**kept, "PATH": path, "OMP_NUM_THREADS": "1", **given}

    def start(service, command=None, **replaced):
        command = command or services[service]["command"]
        assert set(replaced) <= set(command)
        command = [replaced.get(word, word) for word in command]
        log = tmp_path / f"{len(started)}-{service}.log"
        surroundings = environment(service)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [shutil.which(command[0], path=surroundings["PATH"]), *command[1:]],
                cwd=tmp_path,  # nothing may lean on the checkout being the working folder
                env=surroundings,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process, log

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        connection.execute(text(f"DROP ROLE {owner}"))
    admin.dispose()


def wait_until(condition, process, log):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return
        assert process.poll() is None, f"ended with {process.returncode}:\n{log.read_text()}"
        time.sleep(0.1)
    pytest.fail(f"nothing after {PATIENCE_SECONDS} s:\n{log.read_text()}")


def test_the_services_commands_migrate_serve_and_work_and_stop_when_told(deployment, dockerfile):
    migrate, log = deployment("migrate")
    assert migrate.wait(PATIENCE_SECONDS) == 0, log.read_text()
    assert "up to date" in log.read_text()

    (hint,) = re.findall(r"docker compose run --rm web (.*)", (ROOT / "docker-compose.yml").read_text())
    first_admin, log = deployment("web", shlex.split(hint))
    assert first_admin.wait(PATIENCE_SECONDS) == 0, log.read_text()
    assert "you@example.org (admin) signs in once with" in log.read_text()

    port = str(free_port(0))
    web, web_log = deployment("web", **{"0.0.0.0": "127.0.0.1", "8000": port})
    worker, worker_log = deployment("worker")
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), web, web_log)
    assert httpx.get(f"http://127.0.0.1:{port}/sign-in").is_success
    wait_until(lambda: "worker worker-1 is ready" in worker_log.read_text(), worker, worker_log)

    (check,) = [words for word, words in dockerfile if word == "HEALTHCHECK"]
    command = json.loads(check[check.index("[") :])
    for number, code in ((port, 0), ("9", 1)):
        healthy = [sys.executable, *(part.replace(":8000/", f":{number}/") for part in command[1:])]
        assert subprocess.run(healthy, check=False, capture_output=True).returncode == code

    for process, log in ((web, web_log), (worker, worker_log)):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()
    assert "Traceback" not in web_log.read_text() + worker_log.read_text()


def answers(address):
    try:
        return httpx.get(address, timeout=2).is_success
    except httpx.HTTPError:
        return False


# Dockerfile --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dockerfile():
    """Instructions as (word, rest), with continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def test_what_the_image_copies_is_in_the_checkout_and_let_through(dockerfile):
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert ignored[0] == "*"
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    stages = {rest.split()[-1] for word, rest in dockerfile if word == "FROM" and " AS " in rest}
    sources = set()
    for word, rest in dockerfile:
        if word == "COPY" and not rest.startswith("--from="):
            sources.update(shlex.split(rest)[:-1])
        elif word == "COPY":
            assert rest.split()[0].removeprefix("--from=") in stages
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), f"there is no {source}"
        assert source.split("/")[0] in let_through, f"{source} is held back by .dockerignore"
    assert {source.split("/")[0] for source in sources} == let_through
    for secret in (".env", "data", ".git", ".venv"):
        assert not any(fnmatch(secret, pattern) for pattern in let_through)


def test_the_image_starts_the_web_application_as_somebody_without_privileges(dockerfile, services):
    (command,) = [json.loads(rest) for word, rest in dockerfile if word == "CMD"]
    assert command == services["web"]["command"]
    assert [rest for word, rest in dockerfile if word == "ENTRYPOINT"] == []
    (user,) = [rest for word, rest in dockerfile if word == "USER"]
    assert user not in ("root", "0")
    words = [word for word, _ in dockerfile]
    assert max(i for i, word in enumerate(words) if word in ("RUN", "COPY")) < words.index("USER")


def test_every_command_is_one_that_prefloop_knows(dockerfile, services):
    import typer

    from app.cli import cli

    known = typer.main.get_command(cli).commands
    spoken = [service["command"] for name, service in services.items() if name != "db"]
    for program, command, *options in [*spoken, *(json.loads(rest) for word, rest in dockerfile if word == "CMD")]:
        assert program == "prefloop"
        known[command].make_context(command, list(options))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["prefloop"] == "app.cli:main"


def test_the_image_takes_the_torch_that_the_project_asks_for(dockerfile):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = [requirement for requirement in project["dependencies"] if requirement.startswith("torch")]
    (taken,) = [rest for word, rest in dockerfile if word == "RUN" and '"torch' in rest]
    assert f'"{wanted}"' in taken
    assert "ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu" in (ROOT / "Dockerfile").read_text()


def test_the_workplace_of_the_image_holds_what_the_application_looks_for(dockerfile):
    """Templates, static files and migrations are looked for in the parent folder of the package ``app``."""
    from app.migrate import alembic_config
    from app.web.render import STATIC, TEMPLATES

    final = dockerfile[max(i for i, (word, _) in enumerate(dockerfile) if word == "FROM") :]
    (folder,) = [rest for word, rest in final if word == "WORKDIR"]
    assert any(f"PYTHONPATH={folder}" in rest for word, rest in final if word == "ENV")
    targets = {shlex.split(rest)[-1] for word, rest in final if word == "COPY"}
    assert {TEMPLATES.name, STATIC.name, f"{STATIC.name}/vendor", "app", "trainer"} <= targets
    assert Path(alembic_config().get_main_option("script_location")).name in targets
