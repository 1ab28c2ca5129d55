"""Command line of hack/images: builds, then prints the images' names on standard output, one a line."""

import argparse
import sys

from devkit import shell
from devkit.images.builder import archive, build
from devkit.images.definitions import IMAGES, REGISTRY_BASE
from devkit.images.wheels import relock


def main() -> int:
    """Return the exit status: 1, with one line on standard error, when a build fails."""
    options = parse()
    try:
        if options.image == "lock":
            relock()
            return 0
        for name in IMAGES if options.image == "all" else [options.image]:
            reference = build(name, options.base, options.tag)
            print(archive(reference) if options.archive else reference, flush=True)
    except shell.Failed as failure:
        print(f"hack/images: {failure}", file=sys.stderr)
        return 1
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="hack/images",
        description="Builds the project's image and a stock-like Mage image. The first run takes about 4 minutes,"
        " a run that finds nothing changed about a second.",
    )
    parser.add_argument(
        "image",
        nargs="?",
        default="all",
        choices=[*IMAGES, "all", "lock"],
        help="which image to build (default: all); lock rewrites the list of what the Mage image installs",
    )
    parser.add_argument("--base", metavar="IMAGE", help=f"default: {REGISTRY_BASE}, or one made from Debian packages")
    parser.add_argument("--tag", help="tag of the image instead of its version")
    parser.add_argument(
        "--archive", action="store_true", help="print paths of archives for `ctr images import` instead of names"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
