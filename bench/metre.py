"""Runs a command, and says what it took: `metre.py OUTPUT COMMAND...` prints wall s, CPU s, peak MB and the exit status, as JSON.

A process of its own and a small one, for a command's peak of memory is never told as less than what its parent holds.
"""

import json
import os
import sys
import time

output, command = sys.argv[1], sys.argv[2:]
out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
redirected = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
begun = time.perf_counter()
pid = os.posix_spawn(command[0], command, os.environ, file_actions=redirected)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - begun
cpu = usage.ru_utime + usage.ru_stime
print(json.dumps({"wall": wall, "cpu": cpu, "peak": usage.ru_maxrss / 1024, "status": os.waitstatus_to_exitcode(status)}))
