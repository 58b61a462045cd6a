"""Execute chapters in place and leave only what a reader should see.

    execute_notebooks.py [NOTEBOOK ...]        all of notebooks/ if none is named

Outputs and pictures stay. Saved widget state, widget views without a picture, time stamps, cell
ids' churn and other metadata go. A chapter that writes to stderr or raises is refused.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1] / "notebooks"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)",
                         "language": "python"},
          "language_info": {"name": "python"}}
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False,
                   resources={"metadata": {"path": str(path.parent)}}).execute()
    notebook.metadata = nbformat.from_dict(KERNEL)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            cell.outputs = joined(o for o in cell.outputs if keep(path, number, o))
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


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
    named = [Path(name).resolve() for name in sys.argv[1:]]
    for chapter in named or sorted(ROOT.glob("*.ipynb")):
        execute(chapter)
        print(chapter.name)
