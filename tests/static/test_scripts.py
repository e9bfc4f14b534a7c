"""The pure modules of the scripts, tried by Node's own runner: what they reckon needs no browser."""

import shutil
import subprocess
import sys
from pathlib import Path

import playwright
import pytest

HERE = Path(__file__).parent


def node() -> str:
    """Node as this machine has it, else the one of ``make setup``, else the one that Playwright brings."""
    beside_python = Path(sys.executable).with_name("node")
    found = shutil.which("node") or (beside_python if beside_python.exists() else "")
    return str(found or Path(playwright.__file__).parent / "driver" / "node")


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.test.js")), ids=lambda path: path.name.removesuffix(".test.js"))
def test_a_module_of_the_scripts_reckons_rightly(path):
    tried = subprocess.run([node(), "--test", path], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr
