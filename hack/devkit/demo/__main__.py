import argparse
import re
import sys
import time
from pathlib import Path

from devkit import progress, shell
from devkit.cloud import CloudError
from devkit.demo import story
from devkit.demo.target import DEFAULT_NAME, Context, Own, Target
from devkit.mage import MageError

FIRST = "The first run on a machine takes 10 to 20 minutes on two cores: it builds Kubernetes and two images."
LATER = "Later ones take about a minute; everything that is there already is used again."
SLOW = "The node pulls Mage's image first, which takes minutes: it has several gigabytes."
PATIENCE, PATIENCE_WITH_PULL = 300, 1800


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="hack/demo",
        description="Shows a Mage cluster on a real Kubernetes: applied, running a pipeline, stopped, started, by"
        " kubectl and by the Cloud API."
        f" {FIRST} {LATER}",
    )
    main.add_argument("command", nargs="?", default="up", choices=["up", "down"], help="down removes all of it")
    main.add_argument("--name", default=DEFAULT_NAME, help="name of the local cluster (default: %(default)s)")
    main.add_argument("--context", help="use this context of a kubeconfig instead of a cluster of the demo's own")
    main.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="where --context stands, if not at the usual place"
    )
    main.add_argument("--mage-image", metavar="REPOSITORY:TAG", help="instead of Mage's public image")
    return main


def main(argv: list[str]) -> None:
    options = parser()
    args = options.parse_args(argv)
    if args.kubeconfig and not args.context:
        options.error("--kubeconfig needs --context, which says which cluster of the file to use")
    if args.mage_image and not re.search(r"[^:/]:[^:/]+$", args.mage_image):
        options.error(f"--mage-image {args.mage_image}: say REPOSITORY:TAG")
    target: Target = Context(args.context, args.kubeconfig) if args.context else Own(args.name)
    if args.command == "down":
        target.remove()
        return
    begun = time.monotonic()
    progress.say(f"{SLOW if args.context else FIRST} {LATER}")
    kubectl = target.prepare()
    patience = PATIENCE_WITH_PULL if args.context else PATIENCE
    story.tell(kubectl, target.cloud(), args.mage_image, patience, gateway=not args.context)
    print(f"Done in {progress.elapsed(time.monotonic() - begun)}. It keeps running. What to try next:\n")
    print("\n".join(f"  {hint}" for hint in target.hints()))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (shell.Failed, MageError, CloudError) as failure:
        sys.exit(f"hack/demo: {failure}")
    except KeyboardInterrupt:
        sys.exit("hack/demo: interrupted; ./hack/demo goes on, ./hack/demo down removes what was begun")
