"""Types texts, each with a tab, into an interactive zsh, and prints the command line after each.

Arguments: the completion script, and the texts.
"""

import os
import pty
import re
import sys

SCRIPT, *TEXTS = sys.argv[1:]
SET_UP = (
    f"PS1=; autoload -Uz compinit; compinit -u -D; source {SCRIPT}; "
    "zstyle ':completion:*' menu no; unsetopt beep; "
    'report() { print -r -- "LINE<$BUFFER>"; BUFFER= }; zle -N report; bindkey "^X" report; '
    "print READY$((1 + 1))\n"
)


def read_until(terminal: int, pattern: str) -> "re.Match[str]":
    out = ""
    while True:
        out += os.read(terminal, 4096).decode(errors="replace")
        match = re.search(pattern, out, re.DOTALL)
        if match:
            return match


process, terminal = pty.fork()
if process == 0:
    os.environ["TERM"] = "dumb"
    os.execvp("zsh", ["zsh", "-f", "-i"])
os.write(terminal, SET_UP.encode())
read_until(terminal, "READY2")
for text in TEXTS:
    os.write(terminal, text.encode() + b"\t\x18")
    print(read_until(terminal, "LINE<(.*?)>").group(1))
os.close(terminal)
