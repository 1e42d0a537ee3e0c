"""Runs Python programs one after another as `python3 PROGRAM ARGUMENTS` would, in one process that has its modules loaded.

Reads one JSON array [program, arguments...] a line, and writes {"status": ..., "stderr": ...} for each.
"""
import contextlib
import io
import json
import runpy
import sys
import traceback

import cryptography.hazmat.primitives.ciphers.aead  # Slow to load, and the reason for one process.

answers = sys.stdout
for line in sys.stdin:
    sys.argv = json.loads(line)
    stderr, status = io.StringIO(), 0
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(stderr):
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=stderr)
            status = 1 if isinstance(end.code, str) else end.code or 0
        except BaseException:
            traceback.print_exc(file=stderr)
            status = 1
    print(json.dumps({"status": status, "stderr": stderr.getvalue()}), file=answers, flush=True)
