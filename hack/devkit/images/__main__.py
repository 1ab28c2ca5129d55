"""Command line of hack/images: builds, then prints the images' names on standard output, one a line."""

import argparse
import sys

from devkit import shell
from devkit.images.builder import archive, build
from devkit.images.contents import MEGABYTE, read
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
            reference = build(name, options.base, options.tag, options.source, afresh=options.afresh)
            print(told(reference, options), flush=True)
    except shell.Failed as failure:
        print(f"hack/images: {failure}", file=sys.stderr)
        return 1
    return 0


def told(reference: str, options: argparse.Namespace) -> str:
    """Return what was asked for about an image that is built: its name unless something else was."""
    if options.size:
        found = read(archive(reference))
        unpacked, compressed = found.unpacked() / MEGABYTE, found.compressed() / MEGABYTE
        return f"{reference}: {unpacked:.1f} MB unpacked, {compressed:.1f} MB compressed"
    if options.print:
        try:
            return read(archive(reference)).text(options.print.lstrip("/"))
        except KeyError as error:
            raise shell.Failed(f"{reference} has no file {options.print}") from error
    return str(archive(reference)) if options.archive else reference


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
        help="which image to build (default: all); lock rewrites the lists of what only images install",
    )
    parser.add_argument("--base", metavar="IMAGE", help=f"default: {REGISTRY_BASE}, or one made from Debian packages")
    parser.add_argument(
        "--afresh", action="store_true", help="reuse no step of an earlier build; for what is published"
    )
    parser.add_argument("--source", metavar="URL", help="address of the repository, for the label of that name")
    parser.add_argument("--tag", help="tag of the image instead of its version")
    parser.add_argument(
        "--archive", action="store_true", help="print paths of archives for `ctr images import` instead of names"
    )
    parser.add_argument("--size", action="store_true", help="print how large the images are instead of names")
    parser.add_argument("--print", metavar="PATH", help="print a file of the image: there is no shell in it to do so")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
