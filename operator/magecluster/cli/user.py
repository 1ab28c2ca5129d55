"""`magecluster user …`: accounts of the Cloud API."""

import argparse
import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from magecluster.cli import logs
from magecluster.cli.failure import CommandError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from magecluster.cloud.store.accounts import Accounts


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "user", help="accounts of the Cloud API", description="Makes, changes and removes accounts of the Cloud API."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = _action(actions, "add", "make an account", _add)
    add.add_argument("--name", default="", help="for people")
    add.add_argument("--admin", action="store_true", help="administrates all teams and accounts")
    passwd = _action(actions, "passwd", "change a password, which ends all sessions of the account", _passwd)
    for action in (add, passwd):
        action.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from standard input; by default it is asked for on a terminal, else generated and"
            " printed once",
        )
    _action(actions, "list", "list accounts", _list, email=False)
    _action(actions, "remove", "remove an account with its sessions and service tokens", _remove)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
    work: "Callable[[argparse.Namespace, Accounts], Awaitable[None]]",
    *,
    email: bool = True,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    if email:
        parser.add_argument("email", metavar="EMAIL")
    parser.add_argument(
        "--namespace",
        default=os.environ.get("POD_NAMESPACE", "default"),
        metavar="NAME",
        help="where the Cloud API keeps its accounts; default: POD_NAMESPACE, else default",
    )
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="default: KUBECONFIG, ~/.kube/config, or the pod's account"
    )
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    logs.add_to(parser)
    parser.set_defaults(run=_run, work=work)
    return parser


def _run(chosen: argparse.Namespace) -> int:
    from magecluster.cloud.errors import CloudError
    from magecluster.kube.connection import NoClusterError
    from magecluster.kube.errors import KubeError

    logs.configure(chosen)
    try:
        asyncio.run(_work(chosen))
    except (CloudError, KubeError, NoClusterError) as error:
        raise CommandError(" ".join(str(error).split())) from error
    return 0


async def _work(chosen: argparse.Namespace) -> None:
    from time import time

    from magecluster.api.labels import CLOUD_API
    from magecluster.cloud.store.accounts import Accounts
    from magecluster.kube.connection import Connection

    async with Connection(chosen.kubeconfig, chosen.context, manager=CLOUD_API) as connection:
        await chosen.work(chosen, Accounts(connection, chosen.namespace, time))


async def _add(chosen: argparse.Namespace, accounts: "Accounts") -> None:
    from time import time

    from magecluster.cloud.access.account import Account

    email = _email(chosen)
    password, hashed = await _new_password(chosen)
    await accounts.add(Account(email=email, name=chosen.name, admin=chosen.admin, created=time(), password=hashed))
    _tell("Made the account", password)


async def _passwd(chosen: argparse.Namespace, accounts: "Accounts") -> None:
    email = _email(chosen)
    password, hashed = await _new_password(chosen)
    await accounts.change(email, lambda account: account.with_password(hashed))
    _tell("Changed the password", password)


async def _list(_: argparse.Namespace, accounts: "Accounts") -> None:
    await accounts.load()
    rows = [("EMAIL", "NAME", "ADMIN", "PASSWORD", "SESSIONS", "TOKENS")]
    rows += [
        (
            account.email,
            account.name or "-",
            "yes" if account.admin else "no",
            "yes" if account.password else "no",
            str(len(account.sessions)),
            str(len(account.tokens)),
        )
        for account in accounts.all()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


async def _remove(chosen: argparse.Namespace, accounts: "Accounts") -> None:
    await accounts.delete(_email(chosen))
    _tell("Removed the account", None)


def _email(chosen: argparse.Namespace) -> str:
    from magecluster.cloud.access.email import canonical

    address = canonical(chosen.email)
    if address is None:
        raise CommandError("EMAIL is no e-mail address: write it like somebody@example.com, in ASCII")
    return address


async def _new_password(chosen: argparse.Namespace) -> tuple[str | None, str]:
    """The password if it has to be told, and its hash."""
    import secrets

    from magecluster.cloud.login.passwords import Passwords, check_new, generated

    given: str | None = None
    if chosen.password_stdin:
        given = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        given = _asked_for()
    password = generated(secrets.token_bytes) if given is None else given
    check_new(password)
    passwords = Passwords()
    try:
        return (password if given is None else None), await passwords.hash(password)
    finally:
        passwords.close()


def _asked_for() -> str:
    first = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != first:
        raise CommandError("the two passwords are not the same: try again")
    return first


def _tell(what: str, password: str | None) -> None:
    """The password alone goes to standard output, so that scripts can take it."""
    sys.stderr.write(f"{what}{': its password is shown only here' if password else ''}\n")
    if password:
        sys.stdout.write(f"{password}\n")
