"""The package as a whole: who may import whom, what is installed, and that it can be shipped."""

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile

import pytest

# Arrows point down only. What a module may import of the package, in functions too.
MAY_IMPORT = {
    "__init__": set(), "paper": set(), "arithmetic": set(), "convolution": set(), "mnist": set(),
    "plots": set(), "features": set(), "ledger": set(),
    "receptive_field": {"arithmetic"},
    "layers": {"paper"},
    "models": {"layers", "paper"},
    "training": {"layers", "plots"},
    "experiments": {"__init__", "mnist", "models", "training"},
    "figures": {"paper", "plots"},
    "demos": {"arithmetic", "convolution", "features", "layers", "ledger", "mnist", "models", "paper",
              "plots", "receptive_field", "training"},
    "doctor": {"mnist", "models", "training"},
    "jupyter": set(),
    "__main__": {"__init__", "doctor", "experiments", "figures", "mnist", "models", "paper",
                 "training"},
}


def imports_of(path, package):
    """Names of the package's modules that a file imports, at any depth."""
    depth = len(path.relative_to(package).parts)  # 1 for a module, 2 inside models/
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "lenet_book":
                    yield (alias.name.split(".") + ["__init__"])[1]
        elif isinstance(node, ast.ImportFrom):
            if node.level == depth:  # from . or, in models/, from ..
                names = [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
                yield from ("__init__" if n.startswith("__version") else n for n in names)
            elif node.level == 0 and node.module.split(".")[0] == "lenet_book":
                inner = node.module.split(".")[1:]
                yield from inner[:1] or [a.name for a in node.names]


def test_imports_point_down(pytestconfig):
    package = pytestconfig.rootpath / "lenet_book"
    seen = set()
    for path in package.rglob("*.py"):
        module = path.relative_to(package).parts[0].removesuffix(".py")
        seen.add(module)
        assert module in MAY_IMPORT, f"{module} is new: say in MAY_IMPORT what it may import"
        beyond = set(imports_of(path, package)) - MAY_IMPORT[module] - {module}
        assert not beyond, f"{path.name} imports {beyond}, which is not below it"
    assert seen == set(MAY_IMPORT)


def test_the_import_walk_sees_every_form(tmp_path):
    (tmp_path / "models").mkdir()
    top, inner = tmp_path / "a.py", tmp_path / "models" / "b.py"
    top.write_text("from . import x, y\nfrom .z import f\nimport lenet_book.u\n"
                   "def g():\n    from lenet_book.v.w import h\nfrom lenet_book import t\n")
    inner.write_text("from .. import x\nfrom ..z.q import f\nfrom .sibling import s\n")
    assert set(imports_of(top, tmp_path)) == {"x", "y", "z", "u", "v", "t"}
    assert set(imports_of(inner, tmp_path)) == {"x", "z"}


ABSENT = {
    "lenet_book": ["torch", "matplotlib"],
    "lenet_book.paper": ["torch"],
    "lenet_book.arithmetic": ["torch"],
    "lenet_book.training": ["torchvision", "matplotlib"],
    "lenet_book.models": ["torchvision", "matplotlib", "ipywidgets"],
    "lenet_book.mnist": ["torchvision", "matplotlib"],
    "lenet_book.plots": ["torchvision", "matplotlib.pyplot", "ipywidgets"],
}


def test_an_import_costs_what_it_needs():
    """Each in a process that has imported nothing else, but for torch where that is allowed."""
    code = f"""
import importlib, os, sys
for module, absent in {ABSENT}.items():
    if "torch" not in absent:
        import torch  # here, since it takes seconds, and not in every fork
    if os.fork() == 0:
        importlib.import_module(module)
        print(module, [name for name in absent if name in sys.modules], flush=True)
        os._exit(0)
    os.wait()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [f"{module} []" for module in ABSENT], result.stderr


def requirements(text):
    """{name: bounds} from lines such as 'torch>=2.15,<2.16  # why', and whether each says why."""
    found = {}
    for line in text.splitlines():
        match = re.match(r'\s*"?([A-Za-z][\w-]*)([<>=][^"#\s]*)"?,?\s*(#.*)?$', line)
        if match:
            found[match[1]] = (match[2], match[3])
    return found


def test_requirements(pytestconfig):
    root = pytestconfig.rootpath
    text = (root / "requirements.txt").read_text()
    listed = requirements(text)
    assert {"torch", "torchvision", "jupyterlab", "matplotlib", "ipywidgets",
            "torchinfo"} <= listed.keys()
    assert text.rstrip().splitlines()[-1].startswith("-e .")
    for name, (bounds, why) in listed.items():
        assert ">=" in bounds, name
        assert "<" in bounds, name
        assert why, f"{name} does not say what needs it"
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    for needed in project["dependencies"]:
        name, bounds = re.match(r"([\w-]+)(.*)", needed).groups()
        assert listed[name][0] == bounds, f"{name}: requirements.txt and pyproject.toml differ"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, pytestconfig):
    """A wheel built from a copy of the tree, without a network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    root = pytestconfig.rootpath
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    shutil.copytree(root / "lenet_book", source / "lenet_book",
                    ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
                    "--no-build-isolation", "--wheel-dir", out, source],
                   check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_digits_weights_and_licences(wheel, pytestconfig):
    package = pytestconfig.rootpath / "lenet_book"
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.getinfo(name).file_size for name in archive.namelist()}
    for folder in ("data/mnist", "weights"):
        for path in (package / folder).iterdir():
            assert held[f"lenet_book/{folder}/{path.name}"] == path.stat().st_size
    assert any(name.endswith("licenses/LICENSE") for name in held)
    assert any(name.endswith("PROVENANCE.md") and "licenses" in name for name in held)


def test_a_read_only_installation_works(wheel, tmp_path):
    """Installed from the wheel, every file and folder read-only, started somewhere else."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    everything = [site, *site.rglob("*")]
    before = sorted(map(str, everything))
    for path in everything:
        path.chmod(stat.S_IRUSR | (stat.S_IXUSR if path.is_dir() else 0))
    code = ("import lenet_book; from lenet_book import mnist, models; "
            "train, test = mnist.load_mnist(); model = models.pretrained('lenet5-1998'); "
            "x = test[:5].inputs(); "
            "print(lenet_book.__file__, len(train), len(test), model.predict(model(x)).tolist())")
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment,
                                capture_output=True, text=True, check=True)
        assert sorted(map(str, [site, *site.rglob("*")])) == before  # nothing was written
    finally:
        for path in everything:
            path.chmod(0o755)
    assert result.stdout.startswith(str(site))
    assert result.stdout.endswith("60000 10000 [7, 2, 1, 0, 4]\n")


def test_every_module_says_what_it_is(pytestconfig):
    for path in (pytestconfig.rootpath / "lenet_book").rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            if (isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
                    and node.name not in ("main", "paint", "limits")):  # Demo says what these two are
                assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"
