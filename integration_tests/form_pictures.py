"""`make pictures`: draw the forms again and photograph them with a headless Chromium, into docs/.

Run it after the title, the description or the place of a field has changed, and look at what came of it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from connector_metadata import ROOT
from form_page import Opened, draw, spec_of

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_WIDTH = 770
# Without these it draws nothing in a container, or another width on a screen of more dots.
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")
_HEIGHT = "<script>document.documentElement.dataset.height = document.documentElement.scrollHeight</script>"


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


def main() -> int:
    """Draw all pictures; 1 where there is no browser."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        sys.stderr.write("No Chromium was found, which draws the pictures: install it (apt-get install chromium).\n")
        return 1
    for picture in PICTURES:
        target = ROOT / "docs" / picture.file
        take(browser, picture, target)
        sys.stdout.write(f"docs/{picture.file}\n")
    return 0


def take(browser: str, picture: Picture, target: Path) -> None:
    """One picture, as high as its page."""
    page = draw(spec_of(picture.connector), "Pigment", picture.opened, only_card=picture.only_card)
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        file = Path(folder, "form.html")
        file.write_text(page + _HEIGHT, encoding="utf-8")
        run = (browser, *_FLAGS, f"--user-data-dir={folder}/profile")
        drawn = _output([*run, f"--window-size={_WIDTH},600", "--dump-dom", file.as_uri()])
        height = re.search(r'data-height="(\d+)"', drawn)
        if height is None:
            raise RuntimeError("the browser did not say how high the page is")
        _output([*run, f"--window-size={_WIDTH},{height[1]}", f"--screenshot={target}", file.as_uri()])


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


if __name__ == "__main__":
    sys.exit(main())
