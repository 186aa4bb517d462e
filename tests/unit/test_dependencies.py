"""What a newcomer installs is all that the tutorials ask for, wherever they are run."""

import ast
import json
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"[A-Za-z0-9_.-]+")
# Other names of the same things, on conda-forge.
CONDA = {"matplotlib-base": "matplotlib", "pytorch-cpu": "torch"}


def imported(notebook):
    """Names of the distributions that a notebook's cells import."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    names = set()
    for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "", code, flags=re.MULTILINE))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    distributions = packages_distributions()
    return {plain(found) for name in names for found in distributions.get(name, [])} - {"xai-widget"}


def plain(name):
    return name.lower().replace("_", "-")


def of_project(*extras):
    """Names of what pip installs with these extras, as far as pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    own = [re.fullmatch(r"xai-widget\[(\w+)\]", line) for line in asked]
    found = {plain(NAME.match(line)[0]) for line, itself in zip(asked, own, strict=True) if not itself}
    nested = [itself[1] for itself in own if itself]
    return found | (of_project(*nested) if nested else set())


def of_binder():
    """Names of what a Binder image has."""
    lines = (ROOT / "binder" / "environment.yml").read_text("utf-8").partition("dependencies:")[2].splitlines()
    names = [NAME.match(line.strip().removeprefix("- ")) for line in lines if line.strip().startswith("- ")]
    return {CONDA.get(plain(name[0]), plain(name[0])) for name in names if name}


@pytest.mark.parametrize("notebook", sorted((ROOT / "tutorials").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_demo_and_binder_have_all_that_a_tutorial_imports(notebook):
    asked = imported(notebook)
    assert asked
    assert asked <= of_project("lab")
    assert asked <= of_binder()


def test_binder_has_all_that_the_package_needs():
    assert of_project() <= of_binder()
