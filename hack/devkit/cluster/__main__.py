import argparse
import os
import sys
from collections.abc import Sequence

from devkit import progress, shell
from devkit.cluster import api

NODES = "what runs the pods: kubelet (real ones; the default), kwok:COUNT (fake nodes, fake pods) or none"
PROGRAMS = ("kubectl", "helm")


def parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=api.DEFAULT_NAME, help="which cluster (default: %(default)s)")
    main = argparse.ArgumentParser(prog="hack/cluster", description="A real local Kubernetes.")
    commands = main.add_subparsers(dest="command", required=True)

    def command(name: str, tells: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=tells, description=tells, parents=[common])

    up = command("up", "start a cluster, or what is missing of it")
    up.add_argument("--nodes", help=NODES)
    up.add_argument("--audit", action="store_true", help="let the API server write an audit log (level Metadata)")
    command("down", "remove a cluster with everything in it")
    command("status", "tell what runs and how to reach it")
    command("kubeconfig", "print the path of the administrator's kubeconfig")
    command("load", "make an image known to the node").add_argument("image", help="archive, or name in local storage")
    command("logs", "print a component's log").add_argument("component", help="apiserver, kubelet, ...; see status")
    for program in PROGRAMS:
        command(program, f"run {program} against the cluster").add_argument("args", nargs="*", help="after --")
    return main


def main(argv: Sequence[str]) -> int:
    args = parser().parse_args(argv)
    if args.command == "up":
        cluster = api.up(args.name, args.nodes, audit=args.audit)
        print(f"export KUBECONFIG={cluster.kubeconfig}")
        return 0
    found = api.find(args.name)
    if found is None:
        if args.command == "down":
            progress.say(f"{args.name} is down already")
            return 0
        raise shell.Failed(f"there is no cluster {args.name}: hack/cluster up --name {args.name}")
    return act(found, args)


def act(cluster: api.Cluster, args: argparse.Namespace) -> int:
    match args.command:
        case "down":
            with progress.step(f"Removing {cluster.name}", "3 s"):
                cluster.down()
        case "status":
            print(cluster.status())
        case "kubeconfig":
            print(cluster.kubeconfig)
        case "load":
            cluster.load(args.image)
        case "logs":
            print(cluster.logs(args.component), end="")
        case program:
            os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
            os.execv(cluster.binary(program), [program, *args.args])  # noqa: S606 becomes that program
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except shell.Failed as failure:
        sys.exit(f"hack/cluster: {failure}")
    except KeyboardInterrupt:
        sys.exit("hack/cluster: interrupted; hack/cluster down removes what was begun")
