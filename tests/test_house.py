"""Does the house keep its own rules, where no linter knows them? Length of functions and modules, docstrings, dependencies, the wheel.

ruff, mypy and import-linter hold the others; tests/run runs them before this.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.kit.need import ROOT

SOURCES = [path for path in sorted((ROOT / "mailgate").rglob("*.py")) if "migrations" not in path.parts]


@cache
def trees() -> dict[str, ast.Module]:
    """Each module of the house, by its place. Parsed when a test asks: every process of a run reads this file, and one runs its tests."""
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in SOURCES}


def functions() -> Iterator[tuple[str, int]]:
    """Each function of the house, as file:line name, and its length in lines without decorators and docstring."""
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno - 1
                yield f"{name}:{node.lineno} {node.name}", (node.end_lineno or 0) - (start or 0)


def test_no_function_is_longer_than_eighty_lines() -> None:
    assert [name for name, lines in functions() if lines > 80] == []


def test_nine_of_ten_functions_fit_in_thirty_two_lines() -> None:
    lengths = [lines for _, lines in functions()]
    assert sum(lines <= 32 for lines in lengths) >= 0.9 * len(lengths)


def test_no_module_is_longer_than_four_hundred_and_fifty_lines() -> None:
    assert [path.name for path in SOURCES if len(path.read_text().splitlines()) > 450] == []


def test_every_module_opens_with_a_docstring() -> None:
    assert [name for name, tree in trees().items() if not ast.get_docstring(tree)] == []


def test_no_module_is_named_after_nothing() -> None:
    assert [path.name for path in SOURCES if re.search(r"(^|_)(utils?|helpers?|manager|common|base|misc)(_|$)", path.stem)] == []


def test_every_package_that_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [*project["dependencies"], *(name for extra in ("postgres",) for name in project["optional-dependencies"][extra])]
    declared = {_normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in required}
    distributions = packages_distributions()
    strangers = {
        package
        for package in imported_packages()
        if package not in sys.stdlib_module_names and not declared & {_normal(name) for name in distributions.get(package, [])}
    }
    assert strangers - {"mailgate"} == set()


def imported_packages() -> set[str]:
    """The top-level packages that the house imports, also inside functions."""
    nodes = [node for tree in trees().values() for node in ast.walk(tree)]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}}


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, timeout=120)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_carries_letters_configuration_migrations_and_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("templates", "config"):
        packed = {name.removeprefix("mailgate/_data/") for name in names if name.startswith(f"mailgate/_data/{folder}/")}
        assert packed == {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert packed
    assert any(re.fullmatch(r"mailgate/store/migrations/versions/\w+\.py", name) for name in names)
    assert "mailgate/py.typed" in names
    assert not [name for name in names if name.startswith("tests/")]


def test_an_installed_wheel_lays_out_a_new_gateway_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(site)
    empty.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def mailgate(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "mailgate", *arguments]
        return subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, timeout=60, check=False)

    done = mailgate("init")
    assert done.returncode == 0, done.stderr
    assert (empty / "config" / "mailgate.toml").exists()
    checked = mailgate("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
