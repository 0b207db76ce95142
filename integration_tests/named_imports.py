"""Which modules, loaded or loadable from here, name packages that are not there; runs inside an image.

Arguments: the absent packages, then ours, each with commas between them. Imports all of ours, then reads the source of
every module that is loaded by then: an import inside a function or a condition is also found. Prints JSON:
pairs of a module and the package that it names, and the absent packages that are loaded anyway.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path


def main() -> None:
    absent, ours = (set(words.split(",")) for words in sys.argv[1:])
    for package in ours:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if module.name != "pigment_native.librows":  # a library, and no module
                importlib.import_module(module.name)
    named = {
        (name, package)
        for name, module in list(sys.modules.items())
        for package in _named_by(Path(getattr(module, "__file__", None) or "none"))
        if package in absent
    }
    loaded = absent & {name.partition(".")[0] for name in sys.modules}
    sys.stdout.write(json.dumps([sorted(named), sorted(loaded)]))


def _named_by(file: Path) -> Iterator[str]:
    if file.suffix != ".py":
        return
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


if __name__ == "__main__":
    main()
