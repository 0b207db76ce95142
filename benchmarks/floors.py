"""The floors: programs that move the same bytes and do nothing with them. Run as `floors.py receive|copy …`."""

from __future__ import annotations

import os
import sys
import urllib.request

_BYTES = 1 << 16


def receive(key: str, urls: list[str]) -> None:
    """Receive exports and count their lines."""
    for url in urls:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        lines = 0
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers)) as response:
            while chunk := response.read(_BYTES):
                lines += chunk.count(b"\n")


def copy() -> None:
    """Standard input to standard output, line by line."""
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(line)


if __name__ == "__main__":
    if "REQUESTS_CA_BUNDLE" in os.environ:
        os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"]
    if sys.argv[1] == "receive":
        receive(sys.argv[2], sys.argv[3:])
    else:
        copy()
