"""Runs scripts as `python script` would, and prints each one's exit status. A line of stdin: a script and its folder, as JSON.

What a script prints is left in its folder, in the files stdout and stderr. Loading the library takes seconds and is the same for
all of them, so on Linux each script runs in a fork of this process, which has loaded it and run nothing. Elsewhere (a fork of
loaded libraries is not safe on macOS, and Windows has none) the first script ends this process, and its status is the script's.
"""

import json
import os
import runpy
import signal
import sys

from helpers import hub

PATIENCE_S = 900  # for a machine that has much else to do


def run(script: str, folder: str) -> None:
    """Run a script with `folder` as the place for everything."""
    os.chdir(folder)
    sys.path[0] = folder
    for name, stream in {"stdout": 1, "stderr": 2}.items():
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), stream)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    # A reader's machine finds the model on the Hub; here the course's cache stands in for it.
    hub.activate(verify=False)
    import sentence_transformers  # noqa: F401

    for line in sys.stdin:
        child = os.fork() if sys.platform == "linux" else 0
        if child == 0:
            if hasattr(signal, "alarm"):
                signal.alarm(PATIENCE_S)
            run(*json.loads(line))
            break
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
