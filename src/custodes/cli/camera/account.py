# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera's account as commands take it: a password comes from a file, a pipe or a prompt, never from an argument."""

import argparse
import getpass
import sys
from pathlib import Path

from custodes.cli._shell import secret_in
from custodes.domain.video import StreamUrl
from custodes.errors import invalid
from custodes.video.ingest.onvif.account import Login, login_in


def add_account(parser: argparse.ArgumentParser) -> None:
    """Offer ``--user`` and ``--password-file``."""
    parser.add_argument("--user", help="the camera's account; its password is asked for, or read from --password-file")
    parser.add_argument("--password-file", metavar="FILE", help="file with the password; - for standard input")


def login_of(arguments: argparse.Namespace) -> Login | None:
    """The account that was named, None if none was; a password without a user is unusable."""
    if arguments.user is None:
        if arguments.password_file is not None:
            raise invalid("--password-file needs --user")
        return None
    file = arguments.password_file
    if file == "-":
        return Login(arguments.user, sys.stdin.readline().rstrip("\r\n"))
    if file is not None:
        return Login(arguments.user, secret_in(Path(file)))
    if not sys.stdin.isatty():
        raise invalid("there is nobody to ask for the password: name a --password-file, or - for standard input")
    return Login(arguments.user, getpass.getpass(f"password of {arguments.user}: "))


def warn_of_passwords(*urls: str | None) -> None:
    """Say on standard error that a password stood on the command line."""
    logins = [login_in(StreamUrl(url)) for url in urls if url]
    if any(login is not None and login.password for login in logins):
        warn("others on this machine can see a password that stands in an argument: use --user and --password-file")


def warn(line: str) -> None:
    """A line for people, beside the result."""
    print(f"custodes: {line}", file=sys.stderr)
