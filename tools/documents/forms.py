"""A form as Airbyte's UI draws a specification: cards, folded optional fields, choices, entries; as an HTML page.

What is drawn how, as the UI of October 2026 does it: a card for each group in the order of `groups`, within it by
`order`; a field that is neither required nor `always_show` is folded under "Optional fields" at the end of its card
or object; a `oneOf` is a choice whose first title is selected; an enum shows its words as they are; an array of
objects has a button for the next entry; description and examples are at the (i) beside the title.

    make pictures                                   # photograph the forms with a headless Chromium, into docs/
    python -m documents.forms source > form.html    # --open: folded fields and one entry are drawn, too

Run `make pictures` after the title, the description or the place of a field has changed, and look at the result.
`photographs.json` has a fingerprint of what each picture shows, which a test compares with the form.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documents.generated import ROOT
from pigment_airbyte.form import load_spec

Schema = Mapping[str, Any]

_STYLE = """
body { font: 14px/1.4 'Inter', 'Helvetica Neue', Arial, sans-serif; color: #1a194d; background: #f8f8fa; margin: 0;
       padding: 24px; width: 720px; }
h1 { font-size: 18px; margin: 0 0 16px; }
.card { background: #fff; border: 1px solid #e8e8ed; border-radius: 10px; padding: 20px; margin-bottom: 16px; }
.card > h2 { font-size: 16px; margin: 0 0 16px; }
.field { margin-bottom: 14px; }
.title { font-weight: 600; } .optional { color: #8b8ba0; font-weight: 400; font-size: 12px; margin-left: 6px; }
.about { color: #5f5c8a; font-size: 12px; margin: 2px 0 4px; } .about code { background: #f0eff5; padding: 0 3px; }
.box { border: 1px solid #d1d1db; border-radius: 6px; padding: 7px 10px; color: #1a194d; background: #fff;
       min-height: 18px; }
.box.hint { color: #afafc1; } .box.tall { height: 54px; overflow: hidden; }
.select::after { content: '\\25be'; float: right; color: #5f5c8a; }
.chip { background: #eeedfa; border-radius: 4px; padding: 1px 7px; margin-right: 5px; }
.switch { display: inline-block; width: 30px; height: 16px; border-radius: 8px; background: #d1d1db;
          vertical-align: middle; margin-right: 8px; }
.switch::after { content: ''; display: block; width: 12px; height: 12px; border-radius: 6px; background: #fff;
                 margin: 2px; }
.inside { border-left: 3px solid #e8e8ed; padding-left: 14px; margin-top: 10px; }
.add { display: inline-block; border: 1px solid #615eff; color: #615eff; border-radius: 6px; padding: 4px 12px; }
.fold { color: #5f5c8a; border-top: 1px solid #e8e8ed; padding-top: 10px; font-weight: 600; }
.fold::before { content: '\\203a\\00a0'; } .unfolded::before { content: '\\2304\\00a0'; }
"""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_WIDTH = 770
# Without these it draws nothing in a container, or another width on a screen of more dots.
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")
_HEIGHT = "<script>document.documentElement.dataset.height = document.documentElement.scrollHeight</script>"


@dataclass(frozen=True, slots=True)
class Field:
    """A field as drawn: how deep it lies, its title, and whether it is seen when the form opens, and needed."""

    title: str
    depth: int
    seen: bool
    needed: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """What a person has opened: all that is folded, or the first entry of a list of entries, by its property."""

    folded: bool = False
    entry: str | None = None

    def has_entry(self, name: str) -> bool:
        """Whether an entry of this list is drawn."""
        return self.folded or name == self.entry


def draw(spec: Schema, name: str, opened: Opened = Opened(), *, only_card: str | None = None) -> str:
    """The page; `only_card` is the title of the only card to draw."""
    root = spec["connectionSpecification"]
    cards = "".join(_card(title, root, names, opened) for title, names in cards_of(root) if only_card in {None, title})
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(name)}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(name)}</h1>{cards}"
    )


def cards_of(root: Schema) -> Iterator[tuple[str, list[str]]]:
    """Each card's title and the names of its properties, in order."""
    for group in root["groups"]:
        names = [name for name, each in root["properties"].items() if each.get("group") == group["id"]]
        yield group["title"], sorted(names, key=lambda name: root["properties"][name]["order"])


def is_folded(node: Schema, name: str, parent: Schema) -> bool:
    """Whether a property hides under "Optional fields"."""
    return name not in parent.get("required", ()) and not node.get("always_show")


def fields(spec: Schema) -> list[Field]:
    """All fields, in the order in which they are read, the first choice of each `oneOf` chosen."""
    root = spec["connectionSpecification"]
    return [
        field for _, names in cards_of(root) for name in names for field in _fields_of(root, name, seen=True, depth=0)
    ]


def _fields_of(parent: Schema, name: str, *, seen: bool, depth: int) -> Iterator[Field]:
    node = parent["properties"][name]
    seen = seen and not is_folded(node, name, parent)
    yield Field(str(node["title"]), depth, seen, needed=name in parent.get("required", ()))
    for inner in _inside(node):
        # Entries of a list are drawn only once one is added.
        for each in _ordered(inner):
            yield from _fields_of(inner, each, seen=seen and node["type"] != "array", depth=depth + 1)


def _inside(node: Schema) -> list[Schema]:
    if "oneOf" in node:
        return [node["oneOf"][0]]
    if "properties" in node:
        return [node]
    items = node.get("items", {})
    return [items] if "properties" in items else []


def _ordered(node: Schema) -> list[str]:
    drawn = [name for name, each in node["properties"].items() if "const" not in each]
    return sorted(drawn, key=lambda name: node["properties"][name].get("order", 0))


def _card(title: str, root: Schema, names: list[str], opened: Opened) -> str:
    return f"<div class=card><h2>{html.escape(title)}</h2>{_rows(root, names, opened)}</div>"


def _rows(parent: Schema, names: list[str], opened: Opened) -> str:
    shown = [name for name in names if not is_folded(parent["properties"][name], name, parent)]
    folded = [name for name in names if name not in shown]
    drawn = "".join(_field(parent, name, opened) for name in shown)
    if not folded:
        return drawn
    if not opened.folded:
        return f"{drawn}<div class=fold>Optional fields</div>"
    return f'{drawn}<div class="fold unfolded">Optional fields</div>' + "".join(
        _field(parent, name, opened) for name in folded
    )


def _field(parent: Schema, name: str, opened: Opened) -> str:
    node = parent["properties"][name]
    optional = "" if name in parent.get("required", ()) else "<span class=optional>Optional</span>"
    title = f"<span class=title>{html.escape(node['title'])}</span>{optional}"
    about = f"<div class=about>{node.get('description', '')}{_examples(node)}</div>"
    if node["type"] == "boolean":
        return f"<div class=field><span class=switch></span>{title}{about}</div>"
    return f"<div class=field>{title}{about}{_control(name, node, opened)}</div>"


def _examples(node: Schema) -> str:
    if not node.get("examples"):
        return ""
    return " Examples: " + " &nbsp; ".join(f"<code>{html.escape(str(each))}</code>" for each in node["examples"])


def _control(name: str, node: Schema, opened: Opened) -> str:
    if "oneOf" in node:
        first = node["oneOf"][0]
        inside = f"<div class=inside>{_rows(first, _ordered(first), opened)}</div>"
        return f'<div class="box select">{html.escape(first["title"])}</div>{inside}'
    match node["type"]:
        case "object":
            return f"<div class=inside>{_rows(node, _ordered(node), opened)}</div>"
        case "array" if "properties" in node["items"]:
            items = node["items"]
            entry = f"<div class=inside>{_rows(items, _ordered(items), opened)}</div>" if opened.has_entry(name) else ""
            return f"<div class=add>Add {html.escape(items['title'].lower())}</div>{entry}"
        case "array":
            chips = "".join(f"<span class=chip>{html.escape(each)}</span>" for each in node.get("default", ()))
            return f'<div class="box{" select" if "enum" in node["items"] else ""}">{chips}</div>'
    return _box(node)


def _box(node: Schema) -> str:
    default = node.get("default")
    text = html.escape(str(default)) if default not in {None, ""} else "&nbsp;"
    kinds = " select" if "enum" in node else " tall" if node.get("multiline") else ""
    return f'<div class="box{kinds}">{"" if node.get("airbyte_secret") else text}</div>'


def spec_of(connector: str) -> Schema:
    """The specification of "source" or "destination"."""
    return {"connectionSpecification": load_spec(f"{connector}_pigment").connectionSpecification}


_AS_IT_OPENS = Opened()


@dataclass(frozen=True, slots=True)
class Picture:
    """A file below docs/, and the form or the card of it that is in it."""

    file: str
    connector: str
    opened: Opened = _AS_IT_OPENS
    only_card: str | None = None


PICTURES = (
    Picture("sources/pigment-form.png", "source"),
    Picture("destinations/pigment-form.png", "destination"),
    Picture("destinations/pigment-targets.png", "destination", Opened(entry="targets"), "Where the data goes"),
)


PHOTOGRAPHS = Path(__file__).with_name("photographs.json")


def page_of(picture: Picture) -> str:
    """The page that a picture shows."""
    return draw(spec_of(picture.connector), "Pigment", picture.opened, only_card=picture.only_card)


def fingerprints() -> dict[str, str]:
    """Each picture's file, and the SHA-256 of the page that it has to show."""
    return {each.file: hashlib.sha256(page_of(each).encode()).hexdigest() for each in PICTURES}


def main() -> int:
    """Print the page of the connector that is named, or draw all pictures; 1 where there is no browser."""
    if len(sys.argv) > 1:
        connector = sys.argv[1]
        sys.stdout.write(draw(spec_of(connector), f"Pigment ({connector})", Opened(folded="--open" in sys.argv)))
        return 0
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        sys.stderr.write("No Chromium was found, which draws the pictures: install it (apt-get install chromium).\n")
        return 1
    for picture in PICTURES:
        photograph(browser, picture, ROOT / "docs" / picture.file)
        sys.stdout.write(f"docs/{picture.file}\n")
    PHOTOGRAPHS.write_text(json.dumps(fingerprints(), indent=2) + "\n", encoding="utf-8")
    return 0


def photograph(browser: str, picture: Picture, target: Path) -> None:
    """Take one picture, as high as its page."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        file = Path(folder, "form.html")
        file.write_text(page_of(picture) + _HEIGHT, encoding="utf-8")
        run = (browser, *_FLAGS, f"--user-data-dir={folder}/profile")
        drawn = _output([*run, f"--window-size={_WIDTH},600", "--dump-dom", file.as_uri()])
        height = re.search(r'data-height="(\d+)"', drawn)
        if height is None:
            raise RuntimeError("the browser did not say how high the page is")
        _output([*run, f"--window-size={_WIDTH},{height[1]}", f"--screenshot={target}", file.as_uri()])


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout  # noqa: S603 - ours


if __name__ == "__main__":
    sys.exit(main())
