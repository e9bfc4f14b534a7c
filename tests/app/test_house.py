"""What holds in every room: who may import what, how pages are made, where SQL stands, whom a route lets in."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from jinja2 import meta, nodes
from starlette.routing import Mount, Route

import app
from app.api.application import PREFIX as API
from app.instruments import instruments
from app.main import UPLOADS
from app.models import Person
from app.roles import may
from app.web.render import TEMPLATES, Page, _environment

APP = Path(app.__file__).parent
HEAVY = ("torch", "transformers", "accelerate", "tokenizers", "dbos", "ray")
OPEN_TO_STRANGERS = {
    ("GET", "/"),  # shows the way: to one's own first page, or to the sign-in form
    ("GET", "/healthz"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("POST", "/account/language"),
    ("GET", "/account/session"),  # says that nobody is signed in
    ("GET", "/join/1"),  # by invitation only: the address holds the secret
    ("POST", "/join/1"),
}
OUTSIDE_OF_FASTAPI = (f"{API}/openapi.json", "/healthz")  # the latter may wait for nothing that requests use up
# SQL outside queries.py, each with its reason.
SQL_ELSEWHERE = {
    ("database.py", "create_engine"): "the engine is made here",
    ("database.py", "event"): "the engine is made here",
    ("database.py", "make_url"): "the engine is made here",
    ("database.py", "Engine"): "the engine is made here",
    ("database.py", "sessionmaker"): "sessions are made here",
    ("database.py", "NullPool"): "the health check needs a connection of its own",
    ("migrate.py", "Connection"): "the type of what migrations run on, no statement",
    ("training/runs/worker.py", "make_url"): "an address that says how long a worker waits, no statement",
    ("database.py", "ExceptionContext"): "the driver's refusals are translated here",
    **{
        ("demo/workforce_records.py", name): "a simulated workforce is tens of thousands of rows, inserted in bulk"
        for name in ("select", "insert", "update", "session.execute")
    },
}


def test_the_wings_stand_in_one_order_wherever_it_is_written():
    [layers] = [contract["layers"] for contract in contracts() if contract["name"].startswith("wings lean")]
    wings = [layer.split(" : ")[0] for layer in reversed(layers)]
    assert tuple(wings[1:-1]) == app.WINGS


# Imports -----------------------------------------------------------------------------------------


def contracts():
    return tomllib.loads((APP.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_no_contract_has_a_hole():
    """What is new is in it at once: orders are exhaustive, and what is forbidden or independent is no list of rooms."""
    rooms = {f"app.{path.parent.relative_to(APP).as_posix().replace('/', '.')}" for path in APP.glob("*/*/__init__.py")}
    ordered = {container for each in contracts() if each.get("exhaustive") for container in each["containers"]}
    apart = {
        module.removesuffix(".*")
        for each in contracts()
        if each["type"] == "independence"
        for module in each["modules"]
    }
    assert ordered | apart >= {"app", "trainer", *(f"app.{wing}" for wing in app.WINGS[1:])}
    for contract in contracts():
        named = {
            *contract.get("modules", ()),
            *contract.get("source_modules", ()),
            *contract.get("forbidden_modules", ()),
        }
        assert named & rooms == set(), contract["name"]
        assert not contract.get("ignore_imports"), contract["name"]
    [meets] = [each for each in contracts() if each["name"].startswith("app meets trainer")]
    trainer = {f"trainer.{path.parent.name}" for path in (APP.parent / "trainer").glob("*/__init__.py")}
    assert {"trainer.contract", "trainer.statistics", *meets["forbidden_modules"]} >= trainer


def is_shelf(name, path):
    """Whether a module is on this shelf of its room, whatever the shelf is divided into."""
    return path.name == f"{name}.py" or path.name.endswith(f"_{name}.py") or path.parent.name == name


def asks(tree):
    """What a module takes from the queries of rooms: (the room, the name); ``*`` for all that they have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app."):
            room, _, inside = node.module.partition(".queries")
            if inside or node.module.endswith(".queries"):
                yield from ((room, name.name) for name in node.names)
            else:
                yield from ((node.module, "*") for name in node.names if name.name == "queries")


def test_a_page_asks_the_database_nothing():
    """It is made of what it is handed; of queries it knows only the rows that they return."""
    pages_only = [path for path in sources() if is_shelf("pages", path)]
    assert len(pages_only) > 20
    for path in pages_only:
        if path == APP / "web" / "error_pages.py":  # they say what went wrong, also in the database
            continue
        tree = ast.parse(path.read_text())
        taken = [name for _room, name in asks(tree) if not name[0].isupper()]
        assert taken == [], f"{path.relative_to(APP)} asks {taken}"
        assert "sqlalchemy" not in path.read_text(), path.relative_to(APP)


def test_a_route_reaches_data_through_a_service():
    """Of queries it knows only the rows that they return; what pages read as it is stored, a service hands on."""
    for path in sources():
        if is_shelf("routes", path):
            taken = {(room, name) for room, name in asks(ast.parse(path.read_text())) if not name[0].isupper()}
            assert taken == set(), f"{path.relative_to(APP)} asks {taken}"


def test_the_web_process_starts_without_the_trainers_libraries(tmp_path):
    program = (
        "import sys; from pathlib import Path; from app.main import create_app; from app.settings import Settings;"
        "create_app(Settings(data_dir=Path(sys.argv[1]), secret_key='for tests only'));"
        f"print(*(name for name in {HEAVY} if name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_only_settings_read_the_environment():
    """Handing the whole environment on to a child process is the only other use."""
    for path in sources():
        if path.name == "settings.py":
            continue
        code = path.read_text().replace("**os.environ", "")
        assert not re.search(r"\bos\.environ\b|\bgetenv\(", code), path.relative_to(APP)


def test_only_render_uses_jinja():
    imports = re.compile(r"^\s*(from|import) jinja2", re.MULTILINE)
    assert [path for path in sources() if imports.search(path.read_text())] == [APP / "web/render.py"]


# Instruments -------------------------------------------------------------------------------------


def compared(tree):
    """What is compared with a constant, looked up by one, or matched against one: the constants, as they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            places = [node.left, *node.comparators]
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("in_", "not_in")
        ):
            places = node.args
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
            places = node.value.keys
        elif isinstance(node, ast.MatchValue):
            places = [node.value]
        else:
            continue
        for place in filter(None, places):
            words = place.elts if isinstance(place, ast.Tuple | ast.List | ast.Set) else [place]
            yield from (each.value for each in words if isinstance(each, ast.Constant))


def compared_in_template(tree):
    for node in tree.find_all(nodes.Compare):
        yield from (each.value for each in node.find_all(nodes.Const))
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        if isinstance(node.node, nodes.Dict):
            yield from (pair.key.value for pair in node.node.items if isinstance(pair.key, nodes.Const))


def test_only_the_instruments_folder_compares_a_campaigns_kind_with_a_word():
    """Everybody else asks the instrument, so that another one needs no look at what they do."""
    names = set(instruments())
    assert names >= {"ranking", "pairwise", "demonstration", "authoring", "toxicity"}
    for path in sources():
        if APP / "labeling" / "instruments" not in path.parents:
            found = names & set(filter(is_text, compared(ast.parse(path.read_text()))))
            assert found == set(), f"{path.relative_to(APP)} compares with {found}"
    for name in templates():
        if not name.startswith("labeling/instruments/"):
            tree = _environment().parse((TEMPLATES / name).read_text())
            found = names & set(filter(is_text, compared_in_template(tree)))
            assert found == set(), f"{name} compares with {found}"


def is_text(value):
    return isinstance(value, str)


@pytest.mark.parametrize(
    "code",
    [
        'if campaign.kind == "toxicity": pass',
        'x = kind not in ("ranking", "toxicity")',
        'query.where(Campaign.kind.in_(("ranking", "demonstration")))',
        '{"ranking": 1, "toxicity": 2}[campaign.kind]',
        'match kind:\n    case "ranking": pass',
    ],
)
def test_such_comparisons_are_seen(code):
    assert set(instruments()) & set(filter(is_text, compared(ast.parse(code))))


def test_each_instrument_is_a_folder_of_its_name():
    folders = {path.parent.name for path in (APP / "labeling" / "instruments").glob("*/__init__.py")}
    assert folders == set(instruments())


# SQL ---------------------------------------------------------------------------------------------


def sources():
    return sorted(APP.rglob("*.py"))


def is_shelf_for_sql(path):
    inside = path.relative_to(APP)
    return inside.parts[0] == "models" or inside.name == "queries.py" or "queries" in inside.parts[:-1]


def sql_in(tree):
    """Names imported from SQLAlchemy that make statements, and calls of a session that send them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            harmless = {"Session"} if node.module == "sqlalchemy.orm" else set()
            if node.module != "sqlalchemy.exc":
                yield from (name.name for name in node.names if name.name not in harmless)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == "sqlalchemy")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called, on = node.func.attr, node.func.value
            # `request.session` is the cookie, not the database's.
            is_session = (isinstance(on, ast.Name) and on.id == "session") or ast.unparse(on) == "self.session"
            if is_session and called in ("execute", "scalar", "scalars", "query", "get", "get_one", "connection"):
                yield f"session.{called}"


def test_sql_stands_in_queries_and_models_only():
    found = {
        (path.relative_to(APP).as_posix(), what)
        for path in sources()
        if not is_shelf_for_sql(path)
        for what in sql_in(ast.parse(path.read_text()))
    }
    assert found - set(SQL_ELSEWHERE) == set(), "move it to the room's queries.py"
    assert set(SQL_ELSEWHERE) - found == set(), "these exceptions are needed no longer"


def test_only_the_edge_commits():
    for path in sources():
        assert not re.search(r"session\.(commit|rollback)\(", path.read_text()), path.relative_to(APP)


# Pages and templates -----------------------------------------------------------------------------


def templates():
    return sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))


@cache
def pages():
    for module in pkgutil.walk_packages(app.__path__, "app."):
        importlib.import_module(module.name)
    found, waiting = [], [Page]
    while waiting:
        found += (children := waiting.pop().__subclasses__())
        waiting += children
    return sorted((page for page in found if page.__module__.startswith("app.")), key=lambda page: page.__qualname__)


@pytest.mark.parametrize("name", templates())
def test_a_template_compiles_and_leaves_nothing_active_in_the_page(name):
    _environment().get_template(name)
    source = (TEMPLATES / name).read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=|[^>]*\btype=\"application/json\")", source), "inline script"
    assert "<style" not in source
    assert not re.search(r"^(<{7}|={7}|>{7})", source, re.MULTILINE), "left over from a merge"
    assert not re.search(r"""\sstyle\s*=\s*["'{]""", source), "inline style"
    assert not re.search(r"""\s(on[a-z]+|hx-on[:\w-]*)\s*=\s*["'{]""", source), "inline handler"
    assert "javascript:" not in source
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", source), "only the markup filter makes HTML of text"


@pytest.mark.parametrize("name", [n for n in templates() if 'extends "base.html"' in (TEMPLATES / n).read_text()])
def test_a_page_has_a_title(name):
    tree = _environment().parse((TEMPLATES / name).read_text())
    titles = [block for block in tree.find_all(nodes.Block) if block.name == "title"]
    assert len(titles) == 1
    (title,) = titles
    assert any(not isinstance(part, nodes.TemplateData) or part.data.strip() for part in title.body[0].nodes)


def test_every_page_names_a_template_and_is_frozen():
    assert len(pages()) > 20
    for page in pages():
        assert "template" in vars(page), f"{page.__qualname__} names no template"
        assert page.template in templates(), f"{page.__qualname__}: there is no {page.template}"
        assert is_dataclass(page), page.__qualname__
        assert page.__dataclass_params__.frozen, page.__qualname__


def test_every_template_is_used():
    used = {page.template for page in pages()}
    for name in templates():
        used |= set(meta.find_referenced_templates(_environment().parse((TEMPLATES / name).read_text())))
    assert set(templates()) - used == set()
    # None stands for `include page.template`: a fragment that names its template itself, as every page does.
    assert used - set(templates()) - {None} == set()


STATIC = APP.parent / "static"
SHARED = "shared"


@pytest.mark.parametrize("kind", ["js", "css"])
def test_scripts_and_styles_stand_in_the_wings(kind):
    folders = {path.relative_to(STATIC / kind).parts[0] for path in (STATIC / kind).rglob(f"*.{kind}")}
    assert folders <= {SHARED, "api", *app.WINGS[1:]}


def test_a_script_leans_on_its_own_wing_and_on_what_all_share_only():
    scripts = STATIC / "js"
    for path in scripts.rglob("*.js"):
        wing = path.relative_to(scripts).parts[0]
        for target in re.findall(r"""(?:from |import\()"(\.[^"]+)\"""", path.read_text()):
            there = (path.parent / target).resolve().relative_to(scripts.resolve())
            assert (scripts / there).exists(), f"{path}: {target}"
            assert there.parts[0] in (SHARED, wing), f"{path}: {target}"


def test_every_controller_that_a_template_asks_for_is_a_script_and_every_one_is_asked_for():
    asked = {
        name
        for template in templates()
        for name in re.findall(r"""data[-_]controller="([^"]+)\"""", (TEMPLATES / template).read_text())
    }
    there = {f"{path.parts[-3]}/{path.stem}" for path in (STATIC / "js").glob("*/controllers/*.js")}
    assert asked == there


def test_every_file_that_a_template_names_is_there():
    for template in templates():
        for name in re.findall(r"""static_url\(['"]([^'"]+)""", (TEMPLATES / template).read_text()):
            assert name.startswith("vendor/") or (STATIC / name).exists(), f"{template}: {name}"


def test_scripts_hear_keys_by_one_door_only():
    """There it stands that no key acts while a text is being composed, and what a key is called."""
    scripts = STATIC / "js"
    for path in scripts.rglob("*.js"):
        if path.name != "keys.js":
            heard = re.search(r"""Listener\(["']key|onkey(down|up)|\bevent\.(key|code|keyCode)\b""", path.read_text())
            assert not heard, path.relative_to(scripts)


# Routes ------------------------------------------------------------------------------------------


def walk(routes, prefix=""):
    """Every (method, address) of the application, with 1 for each part that varies."""
    for route in routes:
        if isinstance(route, APIRoute):
            address = re.sub(r"\{[^}]+\}", "1", prefix + route.path)
            yield from ((method, address) for method in sorted(route.methods - {"HEAD", "OPTIONS"}))
        elif isinstance(route, Mount) and route.path == API:  # lets in whoever brings a token
            yield from walk(route.app.routes, prefix + route.path)
        elif isinstance(route, Mount):
            assert (prefix + route.path) == "/static", f"{route.path} is mounted; say here whom it lets in"
        elif isinstance(route, Route):
            assert prefix + route.path in OUTSIDE_OF_FASTAPI
            yield "GET", prefix + route.path
        else:  # FastAPI keeps an included router as one entry
            yield from walk(route.original_router.routes, prefix + route.include_context.prefix)


def addresses(client):
    return list(walk(client.app.routes))


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_walk_meets_every_route(app_client):
    found = addresses(app_client)
    assert len(found) == len(set(found))
    assert {("GET", "/healthz"), ("GET", "/people"), ("POST", "/people/1/active"), ("GET", "/runs/1.json")} <= set(
        found
    )
    assert set(found) >= OPEN_TO_STRANGERS
    decorator = re.compile(r"^\s*@(?:router|app)\.(?:get|post|put|patch|delete)\(", re.MULTILINE)
    undecorated = {("GET", address) for address in OUTSIDE_OF_FASTAPI}
    assert set(found) >= undecorated
    assert len(found) - len(undecorated) == sum(len(decorator.findall(path.read_text())) for path in sources())


def refuses(answer):
    to_sign_in = answer.status_code in (302, 303) and answer.headers["location"].startswith("/sign-in")
    return to_sign_in or answer.status_code in (401, 403)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_stranger_is_let_in_nowhere_else(browse):
    """With a valid token, so that what refuses is the missing sign-in and not the CSRF check."""
    let_in = set()
    for method, address in addresses(browse.client):
        browse.client.cookies.clear()
        browse.get("/sign-in")
        answer = browse.client.request(method, address, headers={"x-csrf-token": browse.token})
        if "older session" in answer.text:
            pytest.fail(f"{method} {address}: the token was not taken, so this test tells nothing")
        if not refuses(answer):
            let_in.add((method, address))
    assert let_in - OPEN_TO_STRANGERS == set()


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("role", ["admin", "engineer"])
def test_every_change_without_the_pages_token_is_refused(browse, role):
    browse.as_(role)
    changes = [(method, address) for method, address in addresses(browse.client) if method != "GET"]
    assert len(changes) > 20
    for method, address in changes:
        for given in ({}, {"data": {"csrf_token": "guessed"}}, {"headers": {"x-csrf-token": "guessed"}}):
            answer = browse.client.request(method, address, **given)
            if address.startswith(API):
                assert answer.status_code == 401, f"{address} listens to the cookie of a browser"
                continue
            assert answer.status_code == 403, f"{method} {address} with {given}: {answer.status_code}"
            may_not_bring = address in UPLOADS and not may(role, UPLOADS[address])  # refused before any token is read
            assert ("not for the role" if may_not_bring and "data" in given else "older session") in answer.text
    browse.get("/account/password")  # still signed in: nothing of it was done


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_labeler_sees_no_other_room_than_the_work(browse):
    """Everything that a labeler may open; a new page must be put here on purpose or refuse."""
    browse.as_("labeler")
    seen = {
        address
        for method, address in addresses(browse.client)
        if method == "GET" and browse.client.get(address).status_code not in (401, 403)
    }
    assert seen == {
        "/",
        "/healthz",
        "/join/1",
        "/sign-in",
        "/account/password",
        "/account/sensitive-content",
        "/account/session",
        "/label",
        "/label/campaigns/1/guideline",
        "/label/courses/1",
        "/label/courses/1/steps/1",
        "/label/feedback",
        "/label/mine",
        "/label/mine.csv",
        "/label/mine/1",
        "/label/talks",
        "/label/survey",
        "/label/tasks/1",
        "/label/tasks/1/correct",
        "/label/tasks/1/rank",
    }


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_applicant_sees_no_other_room_than_the_test(browse):
    """Everything that somebody may open who is being screened; what a labeler has besides stays closed."""
    browse.as_("labeler", "ann@example.org")
    with browse.factory.database.transaction() as session:
        session.query(Person).filter_by(email="ann@example.org").one().role = "applicant"
    seen = {
        address
        for method, address in addresses(browse.client)
        if method == "GET" and browse.client.get(address).status_code not in (401, 403)
    }
    assert seen == {
        "/",
        "/healthz",
        "/join/1",
        "/sign-in",
        "/account/password",
        "/account/session",
        "/label",
        "/label/tasks/1",
        "/label/tasks/1/correct",
        "/label/tasks/1/rank",
        "/screening",
    }
    assert browse.client.get("/label").headers["location"] == "/screening"
