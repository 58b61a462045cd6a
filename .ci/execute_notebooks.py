"""Execute chapters in place and leave only what a reader should see.

    execute_notebooks.py [--again] [NOTEBOOK ...]        all of notebooks/ if none is named

Outputs, pictures, tags and slide types stay. Saved widget state, widget views without a picture, time
stamps, cell ids' churn and other metadata go. A chapter that writes to stderr or raises is refused.

--again changes nothing: it runs the page, and then every cell twice more in the same kernel, and
refuses a chapter where a cell does not give what it gave. A cell may differ, but not raise, where its
output is not compared anyway or is tagged "runs-once".
"""

import argparse
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1] / "notebooks"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)",
                         "language": "python"},
          "language_info": {"name": "python"}}
FOLDED = {"jupyter": {"source_hidden": True}}  # JupyterLab shows a bar that opens the cell
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    client(notebook, path).execute()
    notebook.metadata = nbformat.from_dict(KERNEL)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        tags, slide = cell.metadata.get("tags", []), cell.metadata.get("slideshow", {})
        cell.metadata = nbformat.from_dict(
            ({"tags": tags} if tags else {}) | (FOLDED if "solution" in tags else {})
            | ({"slideshow": slide} if slide.get("slide_type", "-") != "-" else {}))
        if cell.cell_type == "code":
            cell.outputs = joined(o for o in cell.outputs if keep(path, number, o))
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def run_again(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = [(number, cell) for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    runner, first = client(notebook, path), {}
    with runner.setup_kernel():
        for turn in range(2):
            for number, cell in cells:
                for _ in range(1 + turn):
                    runner.execute_cell(cell, number)
                    now = [shown(output) for output in joined(cell.outputs)]
                    may_differ = {"nbval-ignore-output", "runs-once"} & {*cell.metadata.get("tags", [])}
                    if first.setdefault(number, now) != now and not may_differ:
                        raise SystemExit(f"{path.name}, cell {number}, run again, gives\n{now}\n"
                                         f"and not\n{first[number]}\n{cell.source}")


def shown(output) -> tuple:
    data = output.get("data", {})
    return output.get("text"), data.get("text/plain"), data.get("image/png")


def client(notebook, path: Path) -> NotebookClient:
    return NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False,
                          resources={"metadata": {"path": str(path.parent)}})


def keep(path: Path, number: int, output) -> bool:
    if output.get("name") == "stderr":
        raise SystemExit(f"{path.name}, cell {number} writes to stderr: {output.text}")
    data = output.get("data", {})
    if data.pop(WIDGET, None) is None:
        return True
    return "image/png" in data  # a live widget's picture stays; a bare progress bar goes


def joined(outputs) -> list:
    """What a cell printed in several pieces, as one."""
    whole = []
    for output in outputs:
        if whole and output.get("name") == "stdout" == whole[-1].get("name"):
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--again", action="store_true")
    parser.add_argument("notebook", type=Path, nargs="*", default=sorted(ROOT.glob("*.ipynb")))
    chosen = parser.parse_args()
    for chapter in chosen.notebook:
        (run_again if chosen.again else execute)(chapter.resolve())
        print(chapter.name)
