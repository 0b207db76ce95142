"""What can be started in the sample: copies that fill two metrics of "Consolidation" from what was written there, an
import from a system outside, and one that always fails.
"""

from __future__ import annotations

from local_pigment.blocks import ListBlock, MetricBlock
from local_pigment.imports import FromBlock, FromOutside, ImportConfiguration, Source, UnknownItem
from local_pigment.sample import CONSOLIDATION
from local_pigment.workspace import Workspace, new_id

FTE, HEADCOUNT_PLAN = "FTE", "Headcount plan"
DEPARTMENTS_TO_FTE, HEADCOUNT_TO_PLAN = "Departments to FTE", "Headcount to plan"
ACCOUNTS_FROM_OUTSIDE, FAILING_COPY = "Accounts from the bank", "Copy without its column"


def add_copies(workspace: Workspace) -> Workspace:
    """The workspace, with two metrics and what can be started more in it."""
    consolidation = workspace.application(CONSOLIDATION)
    by_name = {block.name: block for block in consolidation.blocks.values()}
    departments, headcount = by_name["Departments"], by_name["Headcount"]
    if not isinstance(departments, ListBlock) or not isinstance(headcount, MetricBlock):
        raise TypeError
    fte = MetricBlock(new_id(CONSOLIDATION, FTE), FTE, [departments.id])
    plan = MetricBlock(new_id(CONSOLIDATION, HEADCOUNT_PLAN), HEADCOUNT_PLAN, list(headcount.dimension_ids))
    for block in (fte, plan):
        consolidation.put(block)

    def add(name: str, target_id: str, source: Source, mapping: dict[str, str], **more: object) -> None:
        id_ = new_id("started", name)
        configuration = ImportConfiguration(id_, name, consolidation.id, target_id, mapping, source=source)
        for field, value in more.items():
            setattr(configuration, field, value)
        workspace.configure(configuration)

    names = {"Departments": "Departments", "Months": "Months", "Headcount": HEADCOUNT_PLAN}
    to_fte = {"Department": "Departments", "FTE": FTE}
    add(DEPARTMENTS_TO_FTE, fte.id, FromBlock(departments.id), to_fte, clear_before_import=True)
    add(HEADCOUNT_TO_PLAN, plan.id, FromBlock(headcount.id), names, clear_before_import=True)
    bank = FromOutside(b'Account,Label\n100000,"Bank, current"\n100001,Bank; savings\n')
    labels = {"Account": "Account", "Label": "Label"}
    add(ACCOUNTS_FROM_OUTSIDE, by_name["Accounts"].id, bank, labels, key="Account", unknown_item=UnknownItem.CREATE)
    add(FAILING_COPY, fte.id, FromBlock(departments.id), {"No such property": FTE})
    return workspace
