"""Run the commands of a set-up: short on the screen, in full in a log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

OFFLINE = re.compile(
    'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|'
    'ProxyError|Max retries exceeded|Network is unreachable'
)
# A step that is silent for longer looks as if it hung.
HEARTBEAT_SECONDS = 20
# Settings of the user that would send packages elsewhere than the venv.
MISLEADING = ('PIP_USER', 'PIP_TARGET', 'PIP_PREFIX', 'PYTHONPATH')


class Problem(Exception):
    """Something the user has to mend; the message says how."""


class Steps:
    """Runner of commands that share a log and a lock.

    Args:
        log: File that receives all output; started anew.
        keep_fd: File descriptor that every command inherits. A lock on it
            lasts until the last command has ended, even one that outlives a
            killed set-up.
    """

    def __init__(self, log: Path, keep_fd: int):
        self.log = log
        self.keep_fd = keep_fd
        self.log.write_text('')

    def __call__(self, title: str, command: list, **env: str) -> None:
        """Run one command.

        Args:
            title: What the step brings, for the screen.
            command: Program and arguments.
            **env: Environment variables to add.

        Raises:
            Problem: If the command fails; the message is one line.
        """
        start = time.monotonic()
        print(f'  {title} ...', flush=True)
        with self.log.open('a') as log:
            log.write(f'\n$ {" ".join(map(str, command))}\n')
            log.flush()
            begin = log.tell()
            code = self._follow([str(part) for part in command], env, log)
        if code:
            with self.log.open() as log:
                log.seek(begin)
                raise Problem(self.explain(title, log.read()))
        print(f'  {title}: {time.monotonic() - start:.0f} s', flush=True)

    def _follow(self, command: list, env: dict, log) -> int:
        """Write the output to the log, and a sign of life to the screen."""
        env = {**os.environ, 'PYTHONUNBUFFERED': '1', **env}
        for name in MISLEADING:
            env.pop(name, None)
        keep = (self.keep_fd,)
        live = sys.stdout.isatty()
        with subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            pass_fds=keep,
        ) as process:
            shown = time.monotonic()
            try:
                for line in process.stdout:
                    log.write(line)
                    log.flush()
                    pause = time.monotonic() - shown
                    if 'WARNING' in line:
                        continue
                    if live:
                        print(f'\r\033[K    {line.strip()[:70]}', end='')
                    elif pause > HEARTBEAT_SECONDS:
                        shown = time.monotonic()
                        print(f'    {line.strip()[:70]}', flush=True)
            except BaseException:
                process.terminate()
                raise
            finally:
                if live:
                    print('\r\033[K', end='', flush=True)
        return process.returncode

    def explain(self, title: str, output: str) -> str:
        """Turn the output of a failed command into one line of advice."""
        again = f'then run this again (log: {self.log})'
        if 'No space left on device' in output:
            return f'{title}: the disk is full; free some space, {again}'
        if OFFLINE.search(output):
            return (
                f'{title}: no connection to the package index; connect, or '
                f'point PIP_INDEX_URL at a mirror, {again}'
            )
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        errors = [line for line in lines if 'rror:' in line.lower()]
        last = (errors or lines or ['no output'])[-1]
        return f'{title} failed: {last[:200]} (log: {self.log})'
