"""Who may import whom, and that every module says what it is."""

import ast
from graphlib import TopologicalSorter

# Arrows point down only. What each module imports of the package, in functions too: no more, no less.
IMPORTS = {
    "compiler": set(), "memory": set(), "paper": set(), "tables": set(),
    "__init__": {"compiler", "memory"},
    "jupyter": set(), "storage": set(),
    "arguments": {"tables"},
    "tensors": {"arguments", "tables"},
    "arithmetic": {"arguments"},
    "features": {"arguments"},
    "mnist": {"arguments", "storage", "tensors"},
    "plots": {"arguments", "tables"},
    "convolution": {"arguments", "arithmetic", "tables", "tensors"},
    "ledger": {"features", "tables"},
    "receptive_field": {"arguments", "arithmetic", "features", "tables"},
    "layers": {"arguments", "paper", "tables", "tensors"},
    "models": {"arguments", "layers", "paper", "tables"},
    "training": {"arguments", "features", "layers", "memory", "mnist", "paper", "plots", "storage",
                 "tables", "tensors"},
    "experiments": {"__init__", "arguments", "ledger", "mnist", "models", "storage", "training"},
    "film": {"demos", "plots"},
    "figures": {"film", "ledger", "models", "paper", "plots", "receptive_field", "storage"},
    "checks": {"arguments", "layers", "models", "paper", "receptive_field", "tables"},
    "demos": {"arguments", "arithmetic", "convolution", "features", "layers", "ledger", "mnist",
              "models", "paper", "plots", "receptive_field", "training"},
    "doctor": {"memory", "mnist", "models", "training"},
    "sheets": {"storage"},
    "show": {"demos", "storage"},
    "slides": {"demos"},
    "command_line": {"__init__", "paper", "storage"},
    "__main__": {"command_line", "demos", "doctor", "experiments", "figures", "memory", "mnist",
                 "models", "paper", "sheets", "show", "storage", "training"},
}


def imports_of(path, package):
    """What a file imports of the package, anywhere in it, as paths: ("training", "loop", "fit")."""
    here = ["lenet_book", *path.relative_to(package).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[:len(here) + 1 - node.level] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "lenet_book":
                yield tuple(name.split(".")[1:])


def folder_graph(folder, package):
    """For each module of a folder the modules beside it that it imports."""
    beside = {path.stem for path in folder.glob("*.py")}
    inside = folder.relative_to(package).parts
    return {path.stem: {name[len(inside)] if name[len(inside)] in beside else "__init__"
                        for name in imports_of(path, package)
                        if name[:len(inside)] == inside and len(name) > len(inside)}
            for path in folder.glob("*.py")}


def test_imports_point_down(pytestconfig):
    package = pytestconfig.rootpath / "lenet_book"
    found = {}
    for path in package.rglob("*.py"):
        module = path.relative_to(package).parts[0].removesuffix(".py")
        tops = {(*name, "__init__")[0] for name in imports_of(path, package)}
        tops = {"__init__" if top.startswith("__version") else top for top in tops}
        found[module] = found.get(module, set()) | tops - {module}
    assert found == IMPORTS  # and IMPORTS has no circle:
    TopologicalSorter(IMPORTS).prepare()


def test_imports_inside_a_folder_have_no_circle(pytestconfig):
    package = pytestconfig.rootpath / "lenet_book"
    for folder in {path.parent for path in package.rglob("*/*.py")}:
        TopologicalSorter(folder_graph(folder, package)).prepare()


def test_the_import_walk_sees_every_form(tmp_path):
    (tmp_path / "models").mkdir()
    top, inner = tmp_path / "a.py", tmp_path / "models" / "b.py"
    top.write_text("from . import x, y\nfrom .z import f\nimport lenet_book.u\n"
                   "def g():\n    from lenet_book.v.w import h\nfrom lenet_book import t\n"
                   "import lenet_book\nimport torch\nfrom math import pi\n")
    inner.write_text("from .. import x\nfrom ..z.q import f\nfrom .sibling import s\n")
    assert set(imports_of(top, tmp_path)) == {
        ("x",), ("y",), ("z", "f"), ("u",), ("v", "w", "h"), ("t",), ()}
    assert set(imports_of(inner, tmp_path)) == {("x",), ("z", "q", "f"), ("models", "sibling", "s")}


def test_every_module_says_what_it_is(pytestconfig):
    for path in (pytestconfig.rootpath / "lenet_book").rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            if (isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
                    and node.name not in ("main", "compute", "paint", "say", "limits")):  # see Demo
                assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"
