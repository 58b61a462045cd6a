"""A chapter that the browser has executed is not executed again: nbval compares what came out there."""

from nbval.plugin import IPyNbFile
from xdist.scheduler import LoadScopeScheduling

BROWSER = "tests/browser/test_jupyterlab.py"
executed = {}  # of each chapter that the browser has run, its name -> the notebook with the new outputs


def set_up(chapter: IPyNbFile) -> None:
    """Before nbval compares the first cell: give it the browser's outputs or, if none, a kernel."""
    if chapter.path.stem in executed:
        chapter.kernel = _Executed(executed[chapter.path.stem])
    else:
        IPyNbFile.setup(chapter)


class _Executed:
    """Answers nbval as a kernel would (nbval.kernel.RunningKernel), with outputs that are there."""

    def __init__(self, notebook):
        self._cells = (cell for cell in notebook.cells if cell.cell_type == "code")

    def execute_cell_input(self, source, allow_stdin):
        cell = next(self._cells)
        assert cell.source == source, "nbval asks for another cell than comes next"
        assert cell.execution_count, "the browser has not run this cell: one before it has failed"
        outputs = [(output.output_type, output) for output in cell.outputs]
        self._messages = iter([*outputs, ("status", {"execution_state": "idle"})])
        return "this cell"

    def get_message(self, stream, timeout):
        kind, content = next(self._messages)
        return {"msg_type": kind, "content": content, "parent_header": {"msg_id": "this cell"}}

    def is_alive(self):
        return True

    def await_reply(self, message, timeout):
        pass

    def await_idle(self, message, timeout):
        pass

    def stop(self):
        pass


class Scheduler(LoadScopeScheduling):
    """A worker gets one file after another, and the browser's tests with the chapters they execute."""

    def _split_scope(self, nodeid):
        file = nodeid.split("::")[0]
        name = file.removeprefix("notebooks/").removesuffix(".ipynb")
        with_the_browser = any(other.startswith(BROWSER) and other.endswith(f"[{name}]")
                               for other in self.collection)
        return BROWSER if with_the_browser else file
