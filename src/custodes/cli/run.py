# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes run``: all processes of one node, supervised."""

import argparse
import socket
import sys
from pathlib import Path

from custodes.cli._shell import add_dir, port
from custodes.cli.worker import ROLES
from custodes.errors import invalid, unavailable
from custodes.node.acts.sessions import issue_link
from custodes.node.config import Layout
from custodes.node.queries import Store
from custodes.node.queries.views import Role
from custodes.node.runtime.supervisor import Supervisor, only_one, stop_on_signals


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``run``."""
    add_dir(parser)
    parser.add_argument("--port", type=port, default=8080)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--weights", type=Path, help="the person detector's model file (default: the built-in one)")
    parser.add_argument(
        "--link",
        action="append",
        choices=[role.value for role in Role],
        default=[],
        help="print a one-time sign-in link for a new person of that role (may be repeated)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Start every role and keep it running until SIGTERM or Ctrl-C."""
    layout = Layout(arguments.dir)
    store = Store(layout)  # says in one line why not, before any process is started
    if arguments.weights and not arguments.weights.is_file():
        raise invalid(f"{arguments.weights} is not a file")
    only_one(layout.root, "node")
    arguments.port = _free(arguments.host, arguments.port)
    stop = stop_on_signals()
    supervisor = Supervisor()
    for role in ROLES:
        supervisor.start(role, role_argv(role, arguments), layout.root / "run" / f"{role}.log")
    address = f"http://{'localhost' if arguments.host == '127.0.0.1' else arguments.host}:{arguments.port}"
    print(f"Custodes runs at {address}/ (Ctrl-C ends it)")
    for role in arguments.link:
        token = issue_link(store, role)
        print(f"sign in once as {role}: {address}/enter/{token}", flush=True)
    store.close()
    while not stop.wait(0.2):
        supervisor.check()
    supervisor.stop()
    return 0


def _free(host: str, port: int) -> int:
    """The port if it can be listened on, any that can for 0; else ``CustodesError`` (UNAVAILABLE)."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            free: int = probe.getsockname()[1]
            return free
    except (OSError, UnicodeError):
        raise unavailable(f"port {port} of {host} cannot be used: choose another with --port") from None


def role_argv(role: str, arguments: argparse.Namespace) -> list[str]:
    """The command line of one role's process."""
    argv = [sys.executable, "-m", "custodes.cli.worker", role, "--dir", str(arguments.dir)]
    if role == "web":
        argv += ["--host", arguments.host, "--port", str(arguments.port)]
    if role == "masker" and arguments.weights:
        argv += ["--weights", str(arguments.weights)]
    return argv
