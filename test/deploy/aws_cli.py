"""Runs commands of the AWS CLI in one process, because to start the CLI takes longer than a command.

Each line of standard input contains the arguments of a command as JSON. The answer is one line of JSON: the exit code
and what the command printed.
"""

import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver

for line in sys.stdin:
    # Some commands write bytes.
    output, errors = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            # Like a new process, each command has a new session.
            exit_code = create_clidriver().main(json.loads(line))
        except SystemExit as end:
            exit_code = end.code
    printed, reported = [stream.buffer.getvalue().decode() for stream in (output, errors)]
    print(json.dumps({"exitCode": exit_code, "output": printed, "errors": reported}), flush=True)
