"""A hook of mkdocs for `make docs`: what GitHub renders by itself and mkdocs only when told."""

from __future__ import annotations


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let Markdown inside `<details>` be rendered."""
    return markdown.replace("<details>", '<details markdown="1">')
