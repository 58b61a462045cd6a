"""Students at once on a real JupyterHub on this machine: what a chapter takes from each of them.

    pip install jupyterhub && npm install configurable-http-proxy
    PATH=$PWD/node_modules/.bin:$PATH python tests/benchmarks/hub.py [CHAPTER] [STUDENTS]

Each student has a server and a kernel of their own and executes the chapter through the hub's proxy
with their own token, as their browser would, all at the same time. Seconds are from the first cell to
the last. Memory is the largest sum of PSS over the server, its kernel and what they have started: pages
that several processes share count for each of them in part. It needs Linux, and listens on this machine
only.
"""

import asyncio
import json
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

HUB = "http://127.0.0.1:8000"  # and 8001 and 8081 for what it is made of
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CONFIG = """
c.JupyterHub.bind_url = "{hub}"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allowed_users = {names}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser", "--allow-root"]
c.Spawner.start_timeout = 300
c.JupyterHub.services = [{{"name": "teacher", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "teacher", "services": ["teacher"],
                            "scopes": ["servers", "tokens"]}}]
"""


async def ask(url, token, method="GET", **content):
    """What a server answers, as JSON."""
    body = json.dumps(content) if method == "POST" else None
    request = HTTPRequest(url, method, {"Authorization": f"token {token}"}, body, request_timeout=300)
    return json.loads((await AsyncHTTPClient().fetch(request)).body or "null")


async def until(seconds, found, *arguments):
    """Wait until `found` gives something, and return it."""
    for _ in range(seconds * 2):
        try:
            if answer := await found(*arguments):
                return answer
        except (OSError, HTTPClientError):
            pass
        await asyncio.sleep(0.5)
    raise TimeoutError(f"{found.__name__} {arguments[:1]} gave nothing for {seconds} s")


async def execute(socket, source):
    """Run a cell; returns the error that it raises, if any. A kernel that dies is an error too."""
    number = secrets.token_hex(16)
    await socket.write_message(json.dumps({
        "channel": "shell", "parent_header": {}, "metadata": {},
        "header": {"msg_id": number, "msg_type": "execute_request", "version": "5.3", "username": "",
                   "session": number},
        "content": {"code": source, "silent": False, "stop_on_error": False}}))
    error = None
    while message := await socket.read_message():
        if isinstance(message, bytes):  # of a widget
            continue
        message = json.loads(message)
        content = message["content"]
        if content.get("execution_state") in ("restarting", "dead"):
            return "the kernel was killed"
        if message["parent_header"].get("msg_id") == number:
            if message["msg_type"] == "error":
                error = f"{content['ename']}: {content['evalue']}"
            if content.get("execution_state") == "idle":
                return error
    return "the connection was closed"


async def student(name, teacher, cells, together):
    """Get a server, wait for the others, execute the cells; returns seconds and what went wrong."""
    await ask(f"{HUB}/hub/api/users/{name}/server", teacher, "POST")
    own = (await ask(f"{HUB}/hub/api/users/{name}/tokens", teacher, "POST"))["token"]
    await until(300, ask, f"{HUB}/user/{name}/api/status", own)
    kernel = (await ask(f"{HUB}/user/{name}/api/kernels", own, "POST", name="python3"))["id"]
    socket = await websocket_connect(HTTPRequest(
        f"{HUB}/user/{name}/api/kernels/{kernel}/channels".replace("http", "ws", 1),
        headers={"Authorization": f"token {own}"}), max_message_size=2**30)
    await execute(socket, f"import os; os.chdir({str(NOTEBOOKS)!r})")
    await together.wait()
    began = time.perf_counter()
    wrong = [f"cell {number}: {error}" for number, source in cells
             if (error := await execute(socket, source))]
    return time.perf_counter() - began, wrong


def used(folder):
    """MB of PSS now of each student's server and all below it, by the folder that it runs in."""
    found = {}
    for server in psutil.process_iter(["cmdline"]):
        if "jupyterhub.singleuser" in (server.info["cmdline"] or ()):
            try:
                family = [server, *server.children(recursive=True)]
                name = Path(server.cwd()).relative_to(folder).parts[0]
                found[name] = sum(one.memory_full_info().pss for one in family) / 1e6
            except (psutil.NoSuchProcess, ValueError):
                pass
    return found


async def watch(folder, most):
    """Keep the largest of each student."""
    while True:
        now = await asyncio.to_thread(used, folder)
        most |= {name: max(size, most.get(name, 0)) for name, size in now.items()}
        await asyncio.sleep(1)


async def main(chapter="08", students="5"):
    """Start the hub, let them all work, print a line for each."""
    path, = NOTEBOOKS.glob(f"{chapter}*.ipynb")
    cells = [(number, cell.source) for number, cell in enumerate(nbformat.read(path, 4).cells)
             if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", [])]
    names = [f"student{number}" for number in range(1, int(students) + 1)]
    teacher, together, most = secrets.token_hex(16), asyncio.Barrier(len(names)), {}
    with (tempfile.TemporaryDirectory() as folder,
          open(Path(folder, "log"), "w+", encoding="utf-8") as log):
        for name in names:
            Path(folder, name).mkdir()
        Path(folder, "config.py").write_text(CONFIG.format(
            hub=HUB, password=secrets.token_hex(16), names=set(names), folder=folder,
            python=sys.executable, token=teacher), encoding="utf-8")
        hub = subprocess.Popen([sys.executable, "-m", "jupyterhub", "-f", "config.py"], cwd=folder,
                               stdout=log, stderr=log)
        watching = asyncio.create_task(watch(folder, most))
        try:
            await until(300, ask, f"{HUB}/hub/api/", teacher)
            results = await asyncio.gather(*(student(name, teacher, cells, together) for name in names))
        except BaseException:
            sys.exit(Path(folder, "log").read_text(encoding="utf-8")[-4000:])
        finally:
            watching.cancel()
            hub.terminate()
            hub.wait(60)
    for name, (seconds, wrong) in zip(names, results, strict=True):
        print(f"{name:10} {seconds:6.0f} s {most[name]:6.0f} MB  "
              + ("; ".join(wrong[:3]) or f"{len(cells)} cells without an error"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
