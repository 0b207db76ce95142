"""A page that shows the workspace: plain HTML, rendered on the server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice

from local_pigment.blocks import Application, Block, ListBlock, View
from local_pigment.exports import export_cells, export_list
from local_pigment.http_messages import Response
from local_pigment.imports import ImportRun
from local_pigment.workspace import Workspace

_FIRST_ROWS = 4
_LAST_IMPORTS = 20
_REFRESH_SECONDS = 5
_NUMBER = re.compile(r"-?\d+([.,]\d+)*%?")
_COUNTS = {"Rows", "Inserted", "Updated", "Deleted", "Skipped"}

_STYLE = """
:root { --ink: #1c2333; --soft: #667085; --line: #e4e7ec; --paper: #f7f8fa; --mark: #5b4ee6; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header { background: var(--ink); color: white; padding: 1.4rem 2rem; }
header h1 { margin: 0; font-size: 1.3rem; } header p { margin: .2rem 0 0; color: #cbd2e1; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 2rem 4rem; }
h2 { margin: 2.2rem 0 .8rem; font-size: 1.15rem; } h2 small, summary small { color: var(--soft); font-weight: 400; }
details { background: white; border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; }
summary { padding: .6rem .9rem; cursor: pointer; font-weight: 600; }
.kind { display: inline-block; min-width: 8.5rem; color: var(--mark); font-weight: 500; }
.scroll { overflow-x: auto; padding: 0 .9rem .8rem; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; background: white; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid var(--line); white-space: pre-wrap; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td { min-width: 7rem; max-width: 20rem; overflow-wrap: anywhere; vertical-align: top; }
code { font: .85em ui-monospace, monospace; color: var(--soft); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
header a { color: inherit; }
.blank { color: #c0c6d4; }
.more { color: var(--soft); font-size: .88rem; margin: .4rem .7rem; }
.Completed { color: #087443; } .Failed { color: #b42318; } .InProgress { color: #b54708; }
"""


def page(workspace: Workspace, commands: str = "") -> Response:
    """The whole workspace on one page, with a link to the commands to try, if there are any."""
    link = '<a href="/commands">The commands to try</a>.' if commands else ""
    body = _imports(workspace) + "".join(_application(workspace, each) for each in workspace.applications.values())
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Local Pigment</title>'
        f'<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">'
        f"<style>{_STYLE}</style><header><h1>Local Pigment</h1><p>A workspace for tests. "
        f"{len(workspace.applications)} applications, {len(workspace.configurations)} import configurations, "
        f"{len(workspace.imports)} imports so far. This page refreshes itself every {_REFRESH_SECONDS} seconds. "
        f"{link}</p></header><main>{body}</main></html>"
    )
    return Response(200, html.encode(), {"Content-Type": "text/html; charset=utf-8"})


def _application(workspace: Workspace, application: Application) -> str:
    blocks = "".join(_block(application, block) for block in application.blocks.values())
    views = _views(list(application.views.values()))
    configurations = [each for each in workspace.configurations.values() if each.application_id == application.id]
    table = _table(
        ["Name", "Id", "Target", "Key", "Clears first", "Scope"],
        (
            [
                each.name,
                each.id,
                application.blocks[each.block_id].name,
                each.key or "",
                _yes(each.clear_before_import),
                ", ".join(each.scope),
            ]
            for each in configurations
        ),
    )
    shown = f"<h2>Import configurations of {escape(application.name)}</h2>{table}" if configurations else ""
    title = f"<h2>{escape(application.name)} <small><code>{application.id}</code></small></h2>"
    return f"{title}{blocks}{views}{shown}"


def _block(application: Application, block: Block) -> str:
    if isinstance(block, ListBlock):
        columns, rows = ([], iter(())) if block.stream else export_list(application, block, {})
    else:
        columns, rows = export_cells(application, block, {})
    first = list(islice(rows, _FIRST_ROWS))
    count = len(first) + sum(1 for _ in rows)
    hidden = count - len(first)
    more = f'<p class="more">{hidden:,} more rows are not shown.</p>' if hidden else ""
    content = _table([column.friendly for column in columns], first) + more if first else "<p>Nothing in it yet.</p>"
    return (
        f'<details{" open" if first else ""}><summary><span class="kind">{block.type}</span>{escape(block.name)} '
        f"<small>{count:,} rows · <code>{block.id}</code></small></summary>"
        f'<div class="scroll">{content}</div></details>'
    )


def _views(views: Sequence[View]) -> str:
    if not views:
        return ""
    return "<h2>Views</h2>" + _table(["Name", "Id"], ([view.name, view.id] for view in views))


def _imports(workspace: Workspace) -> str:
    earlier = len(workspace.imports) - _LAST_IMPORTS
    runs = list(workspace.imports.values())[-_LAST_IMPORTS:][::-1]
    if not runs:
        return "<h2>Last imports</h2><p>None yet.</p>"
    rows = "".join(_import_row(workspace, run) for run in runs)
    titles = ("At", "Configuration", "Status", "Rows", "Inserted", "Updated", "Deleted", "Skipped", "Why")
    head = "".join(f'<th class="number">{each}</th>' if each in _COUNTS else f"<th>{each}</th>" for each in titles)
    more = f'<p class="more">{earlier} earlier imports are not shown.</p>' if earlier > 0 else ""
    return f"<h2>Last imports</h2><table><tr>{head}</tr>{rows}</table>{more}"


def _import_row(workspace: Workspace, run: ImportRun) -> str:
    why = run.failure or ", ".join(f"{each.reason} ({each.column}): {each.count}" for each in run.skipped())
    name = workspace.configurations[run.configuration_id].name
    cells = [run.data_rows, run.inserted, run.updated, run.deleted, run.skipped_count]
    counts = "".join(f'<td class="number">{count:,}</td>' for count in cells)
    return (
        f'<tr><td>{run.created_at:%H:%M:%S}</td><td>{escape(name)}</td><td class="{run.status}">{run.status}</td>'
        f"{counts}<td>{escape(why)}</td></tr>"
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    shown = list(rows)
    numeric = [_is_numeric(filter(None, column)) for column in zip(*shown, strict=True)]
    classes = [' class="number"' if each else "" for each in numeric or [False] * len(titles)]
    head = "".join(f"<th{each}>{escape(title)}</th>" for title, each in zip(titles, classes, strict=True))
    body = "".join(f"<tr>{''.join(map(_cell, row, classes))}</tr>" for row in shown)
    return f"<table><tr>{head}</tr>{body}</table>"


def _is_numeric(cells: Iterable[str]) -> bool:
    numbers = [_NUMBER.fullmatch(each) for each in cells]
    return any(numbers) and all(numbers)


def _cell(text: str, numeric: str) -> str:
    return f"<td{numeric}>{escape(text)}</td>" if text else f'<td{numeric}><span class="blank">blank</span></td>'


def commands_page(commands: str) -> Response:
    """What to type to try the connectors."""
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Local Pigment: commands</title>'
        f'<style>{_STYLE}</style><header><h1>Commands to try</h1><p><a href="/">Back to the workspace</a></p></header>'
        f"<main><pre>{escape(commands)}</pre></main></html>"
    )
    return Response(200, html.encode(), {"Content-Type": "text/html; charset=utf-8"})


def _yes(value: bool) -> str:
    return "yes" if value else "no"
