"""The package as it is installed: what it needs, what an import costs, what the wheel holds."""

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
import tomllib
import urllib.request
import zipfile
from contextlib import suppress

import nbformat
import pytest
from jupyter_client import BlockingKernelClient

from lenet_book.jupyter import DEMO, WIDGET

ABSENT = {
    "lenet_book": ["torch", "matplotlib"],
    "lenet_book.jupyter": ["torch", "jupyter_server"],
    "lenet_book.paper": ["torch"],
    "lenet_book.arithmetic": ["torch"],
    "lenet_book.training": ["torchvision", "matplotlib"],
    "lenet_book.models": ["torchvision", "matplotlib", "ipywidgets"],
    "lenet_book.mnist": ["torchvision", "matplotlib"],
    "lenet_book.plots": ["torchvision", "matplotlib.pyplot", "ipywidgets"],
    "lenet_book.demos": ["torchvision", "matplotlib.pyplot", "triton"],
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


WAITING = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"


def without_a_word_on_waiting():
    """The environment of an owner who says nothing of how threads are to wait."""
    return {name: value for name, value in os.environ.items() if name not in WAITING}


@pytest.fixture(scope="module")
def read_only(wheel, tmp_path_factory):
    """A program where the wheel is installed, every file and folder read-only, started somewhere else.

    Gives the folder, its files before and after, and what was said.
    """
    folder = tmp_path_factory.mktemp("read-only")
    site = folder / "site"
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
    environment = {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1",
                   "OMP_DISPLAY_ENV": "VERBOSE"}
    try:
        said = subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, text=True,
                              capture_output=True, env=without_a_word_on_waiting() | environment)
        after = sorted(map(str, [site, *site.rglob("*")]))
    finally:
        for path in everything:
            path.chmod(0o755)
    return site, before, after, said


def test_a_read_only_installation_works(read_only):
    site, before, after, said = read_only
    assert after == before  # nothing was written
    assert said.stdout.startswith(str(site))
    assert said.stdout.endswith("60000 10000 [7, 2, 1, 0, 4]\n")


def test_torch_is_told_how_to_wait(read_only):
    """As GNU's OpenMP itself says what it has read."""
    *_, said = read_only
    assert re.findall(r"(OMP_WAIT_POLICY|GOMP_SPINCOUNT) = '(\w+)'", said.stderr) == [
        ("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "3000")]


def test_what_an_owner_says_of_waiting_stays():
    code = "import lenet_book, os; print(os.getenv('GOMP_SPINCOUNT'), os.environ['OMP_WAIT_POLICY'])"
    said = subprocess.run([sys.executable, "-c", code], check=True, text=True, capture_output=True,
                          env=without_a_word_on_waiting() | {"OMP_WAIT_POLICY": "ACTIVE"}).stdout
    assert said == "None ACTIVE\n"


@pytest.fixture(scope="module")
def server(wheel, tmp_path_factory):
    """A plain server, started as any other, where the wheel is installed; gives (ask, its folder)."""
    folder = tmp_path_factory.mktemp("server")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
                    "--no-compile", "--ignore-installed", "--prefix", folder, wheel], check=True)
    site, = folder.rglob("site-packages")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", "--no-browser", "--ip=127.0.0.1", "--allow-root",
             f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=secret",
             f"--ServerApp.root_dir={folder}"], cwd=folder, stdout=log, stderr=log,
            env={**without_a_word_on_waiting(), **own, "PYTHONPATH": str(site),
                 "JUPYTER_CONFIG_PATH": str(folder / "etc" / "jupyter")})

    def ask(path, method="GET", content=None):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/{path}", method=method,
                                         headers={"Authorization": "token secret"},
                                         data=content and json.dumps(content).encode())
        return json.load(urllib.request.urlopen(request, timeout=60))

    try:
        for _ in range(960):  # four minutes, on a machine that has much else to do
            with suppress(OSError):
                ask("status")
                break
            time.sleep(0.25)
        yield ask, folder
    finally:
        process.terminate()
        process.wait(60)


def test_any_server_saves_the_pictures_of_demos_and_leaves_other_widgets(server):
    ask, folder = server
    assert "lenet_book.jupyter | extension was successfully loaded" in (folder / "log").read_text()
    widget = {WIDGET: {"model_id": "1"}}
    outputs = [{**widget, DEMO: {}, "image/png": "..."}, {**widget, "image/png": "..."},
               {**widget, "text/plain": "a bar"}, {**widget, DEMO: {}}]
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data)
                                              for data in outputs])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("a"), cell])
    ask("contents/a.ipynb", "PUT", {"type": "notebook", "content": notebook})
    ask("contents/a.txt", "PUT", {"type": "file", "format": "text", "content": "b"})
    saved = [set(output.data) for output in nbformat.read(folder / "a.ipynb", 4).cells[1].outputs]
    assert saved == [{DEMO, "image/png"}, {WIDGET, "image/png"}, {WIDGET, "text/plain"}, {WIDGET, DEMO}]
    assert (folder / "a.txt").read_text() == "b"


def test_a_kernel_of_any_server_has_threads_that_sleep_even_if_torch_comes_first(server):
    ask, folder = server
    kernel = ask("kernels", "POST", {"name": "python3"})["id"]
    client = BlockingKernelClient(connection_file=str(folder / "RUNTIME" / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    try:
        reply = client.execute("import os", user_expressions={
            name: f"os.environ[{name!r}]" for name in WAITING},
            reply=True, timeout=120)
    finally:
        client.stop_channels()
    found = reply["content"]["user_expressions"]
    assert {name: value["data"]["text/plain"] for name, value in found.items()} == {
        "OMP_WAIT_POLICY": "'PASSIVE'", "GOMP_SPINCOUNT": "'3000'"}


def test_how_threads_wait_is_the_same_wherever_it_is_set(pytestconfig):
    for path in ("lenet_book/__init__.py", "Makefile", ".devcontainer/devcontainer.json"):
        text = (pytestconfig.rootpath / path).read_text()
        found = re.findall(r"(OMP_WAIT_POLICY|GOMP_SPINCOUNT)\W+(PASSIVE|\d+)", text)
        assert dict(found) == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}, path


@pytest.mark.parametrize("script", ["postBuild", "start"])
def test_what_binder_runs_can_be_run(script, pytestconfig):
    path = pytestconfig.rootpath / ".binder" / script
    assert os.access(path, os.X_OK) and path.read_text().startswith("#!")
    subprocess.run(["bash", "-n", path], check=True)
