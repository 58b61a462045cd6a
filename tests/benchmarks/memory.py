"""The memory of a kernel that runs a chapter: what it holds afterwards, and the most it took.

    python tests/benchmarks/memory.py [--cells | --together] [NOTEBOOK ...]     all if none is named

Each chapter is executed in a fresh kernel, beside another that has only imported torch, torchvision (if
the chapter does), matplotlib, ipywidgets and what the chapter imports of the book. All in MiB:

own     memory that no other process shares: what each further kernel takes
alone   with the files that it has mapped, such as torch's libraries: what a kernel takes that is alone
        (its PSS then). Several processes of one chapter are added up, but for files, which they share.
more    above that of the bare imports
peak    the most of `alone`, at any moment

--cells prints the cells that change what is held by 5 MiB, or that need 50 MiB meanwhile. --together
lets every kernel live until the last has run its chapter, and says how much less the machine then has.
Linux only: it reads /proc.
"""

import argparse
import ast
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import nbformat
import psutil
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2] / "notebooks"
LIBRARIES = ("torch", "torchvision", "lenet_book")  # of what a chapter imports, the baseline has these


class Memory(NamedTuple):
    own: float    # MiB
    alone: float


class Kernel:
    """A kernel that executes a notebook's cells, and what memory it and its children take."""

    def __init__(self, notebook, folder: Path):
        self.client = NotebookClient(notebook, timeout=600, kernel_name="python3",
                                     resources={"metadata": {"path": str(folder)}})

    def __enter__(self):
        self.setup = self.client.setup_kernel()
        self.setup.__enter__()
        self.pid = self.client.km.provisioner.pid
        return self

    def __exit__(self, *error):
        return self.setup.__exit__(*error)

    def run(self, number: int) -> float:
        """Execute the cell with this number and return its peak, MiB."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="utf-8")  # the peak begins anew
        most, ended = [0.0], threading.Event()

        def watch():
            while not ended.wait(0.02):
                most[0] = max(most[0], self.memory().alone)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.client.execute_cell(self.client.nb.cells[number], number)
        finally:
            ended.set()
            watcher.join()
        return max(most[0], of(self.pid)["VmHWM"])

    def memory(self) -> Memory:
        found = [of(pid) for pid in family(self.pid)]
        own = sum(each["RssAnon"] + each["RssShmem"] for each in found)
        return Memory(own, own + max(each["RssFile"] for each in found))


def family(pid: int) -> list[int]:
    """The process and its children, and theirs; those that end meanwhile are left out."""
    members = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            members += [one for child in path.read_text().split() for one in family(int(child))]
        except OSError:
            continue
    return members


def of(pid: int) -> dict[str, float]:
    """What Linux says of a process's memory, MiB; nothing of one that has ended."""
    names = ("VmHWM", "RssAnon", "RssFile", "RssShmem")
    found = dict.fromkeys(names, 0.0)
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return found
    for line in lines:
        name, _, value = line.partition(":")
        if name in names:
            found[name] = int(value.split()[0]) / 1024
    return found


def bare_imports(notebook):
    """A notebook with what the chapter imports of these libraries, and two that every chapter uses."""
    found = ["import matplotlib", "import ipywidgets"]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                modules = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                           else [node.module] if isinstance(node, ast.ImportFrom) else [])
                if any(module.split(".")[0] in LIBRARIES for module in modules):
                    found.append(ast.unparse(node))
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join(found))])


def measure(path: Path, cells: bool) -> None:
    """Print a line of the table, and with `cells` those of its cells."""
    notebook = nbformat.read(path, as_version=4)
    with Kernel(bare_imports(notebook), path.parent) as kernel:
        kernel.run(0)
        bare = kernel.memory()
    with Kernel(notebook, path.parent) as kernel:
        peak, before = 0.0, kernel.memory()
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            highest = kernel.run(number)
            peak, after = max(peak, highest), kernel.memory()
            if cells and (abs(after.alone - before.alone) >= 5 or highest - after.alone >= 50):
                print(f"    cell {number:3} {after.alone - before.alone:+6.0f} to {after.alone:5.0f}, "
                      f"peak {highest:5.0f}   {cell.source.splitlines()[0][:60]}", flush=True)
            before = after
    print(f"{path.stem:24} {bare.own:7.0f} {bare.alone:7.0f} {after.own:9.0f} {after.alone:7.0f} "
          f"{after.alone - bare.alone:+7.0f} {peak:9.0f} {peak - bare.alone:+7.0f}", flush=True)


def together(paths: list[Path]) -> None:
    """Print what the machine has less of with each kernel that has run its chapter, MiB."""
    print(f"{'MiB':24} {'own':>7} {'the machine, so far':>20}")
    with ExitStack() as alive:
        before = psutil.virtual_memory().available
        for path in paths:
            notebook = nbformat.read(path, as_version=4)
            kernel = alive.enter_context(Kernel(notebook, path.parent))
            for number, cell in enumerate(notebook.cells):
                if cell.cell_type == "code":
                    kernel.run(number)
            taken = (before - psutil.virtual_memory().available) / 2**20
            print(f"{path.stem:24} {kernel.memory().own:7.0f} {taken:20.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", action="store_true")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("notebook", type=Path, nargs="*", default=sorted(ROOT.glob("*.ipynb")))
    chosen = parser.parse_args()
    if not Path("/proc/self/clear_refs").exists():
        sys.exit("what memory a process takes is read from /proc, which only Linux has")
    if chosen.together:
        together([path.resolve() for path in chosen.notebook])
        return
    print(f"{'MiB':24} {'bare imports':>15} {'after the chapter':>25} {'peak':>17}\n"
          f"{'':24} {'own':>7} {'alone':>7} {'own':>9} {'alone':>7} {'more':>7} {'':>9} {'more':>7}")
    for path in chosen.notebook:
        measure(path.resolve(), chosen.cells)


if __name__ == "__main__":
    main()
