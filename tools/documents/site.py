"""Hooks of mkdocs for `make docs`: what GitHub renders by itself and mkdocs only when told, and long lines of code."""

from __future__ import annotations


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let Markdown inside `<details>` be rendered."""
    return markdown.replace("<details>", '<details markdown="1">')


def on_post_page(output: str, **_: object) -> str:
    """Wrap long commands and log lines, which would be cut off at the right."""
    return output.replace("</head>", "<style>pre > code { white-space: pre-wrap; }</style></head>")
