"""Runs moto's server on a free port, and prints the port. It ends when its standard input ends."""

import logging
import sys

from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer

# Without it, moto accepts every text as the definition of a state machine.
default_user_config["stepfunctions"] = {"execute_state_machine": True}

# Without it, the server writes a line for each request.
logging.getLogger("werkzeug").setLevel(logging.ERROR)

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
