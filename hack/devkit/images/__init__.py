"""Container images: `build("mage")` gives an image's reference, `archive(reference)` a file for containerd."""

from devkit.images.builder import archive, build

__all__ = ["archive", "build"]
