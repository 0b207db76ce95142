"""The sample: a small planning model with the awkward values that real ones have, and a second application to fill.

Application "Planning" contains the data; "Consolidation" contains the same blocks, empty, each with an import
configuration of the same name, so that what is read from the one can be written into the other. `add_copies` adds
imports that are started instead of fed with a file.
"""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta

from local_pigment.audit import AuditEvent
from local_pigment.blocks import (
    DEFAULT_SCENARIO,
    Application,
    Block,
    ListBlock,
    MetricBlock,
    Property,
    TableBlock,
    ValueType,
    View,
)
from local_pigment.imports import FromBlock, FromOutside, ImportConfiguration, Source, UnknownItem
from local_pigment.keys import AUDIT, EXPORT, IMPORT, METADATA, ApiKey
from local_pigment.workspace import Workspace, new_id

PLANNING, CONSOLIDATION = "Planning", "Consolidation"
LEDGER = "General Ledger"
# Import configurations of the ledger that clear: as a synchronisation by its entries, and only the months in the file.
LEDGER_BY_KEY, LEDGER_BY_MONTH = f"{LEDGER} (by key)", f"{LEDGER} (by month)"

DEPARTMENTS = [
    ("Engineering", "R&D", "TRUE", "120"),
    ("Sales, EMEA", "Go to market", "TRUE", "45.5"),
    ("Sales; Americas", "Go to market", "TRUE", "33.333333333333333333"),
    ('The "A" team', "", "FALSE", ""),
    ("G&A / Finance", "Support", "TRUE", "0.1"),
    ("Équipe Ünïcode 🚀", "Support", "FALSE", "-12.50"),
    (" leading and trailing ", "", "FALSE", "0"),
    ("Two\nlines", "Support", "TRUE", "7"),
    ("CR\r\nLF", "Support", "TRUE", "8"),
    ("Line\u2028separator", "", "FALSE", "9007199254740993"),
    ("NA", "null", "TRUE", "1"),
    ("=1+1", "None", "FALSE", "2"),
]
ACCOUNTS = [
    ("0012", "Cash", "Balance sheet"),
    ("601015", "Salaries", "P&L"),
    ("601016", "Bonuses; variable", "P&L"),
    ("700000", "Revenue, recurring", "P&L"),
    ("700001", 'Revenue "one-off"', "P&L"),
    ("1e5", "Looks like a number", ""),
    ("TRUE", "Looks like a boolean", ""),
]
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = [f"{name} {year}" for year in ("26", "27") for name in _MONTH_NAMES]


def planning_model(*, ledger_rows: int = 2000, seed: int = 7) -> Workspace:
    """The workspace with both applications; the same for the same arguments."""
    workspace = Workspace(keys=_keys())
    planning = _planning(ledger_rows, random.Random(seed))
    consolidation = Application(new_id(CONSOLIDATION), CONSOLIDATION, scenarios=dict(planning.scenarios))
    workspace.applications = {planning.id: planning, consolidation.id: consolidation}
    _mirror(workspace, planning, consolidation)
    workspace.audit.add(*_audit_events())
    return workspace


def _audit_events() -> list[AuditEvent]:
    """What people did in the last hours, in the words of the knowledge base; the text is as awkward as a cell."""
    now = datetime.now(UTC).replace(microsecond=0)
    people = ["ada@example.com", "grace@example.com", 'Équipe \u2028 "Ünïcode" <e@example.com>']
    return [
        AuditEvent(
            new_id("event", str(number)),
            ("UserLoggedIn", "ApiKeyUsed", "BlockDeleted")[number % 3],
            moment - timedelta(seconds=2),
            moment,
            {"actor": {"email": people[number % 3]}, "attempts": number, "details": None},
            {"workspace": "Planning"} if number % 2 else {},
        )
        for number in range(12)
        for moment in [now - timedelta(hours=12 - number, milliseconds=number)]
    ]


def _keys() -> list[ApiKey]:
    def key(name: str, *scopes: str, expires: date | None = None) -> ApiKey:
        return ApiKey(name, "pgmt_" + new_id("key", name).replace("-", ""), frozenset(scopes), expires)

    return [
        key("all", EXPORT, METADATA, IMPORT, AUDIT),
        key("export", EXPORT),
        key("metadata", METADATA),
        key("import", IMPORT),
        key("audit", AUDIT),
        key("expired", EXPORT, METADATA, IMPORT, expires=date(2024, 1, 1)),
    ]


def _planning(ledger_rows: int, chance: random.Random) -> Application:
    planning = Application(new_id(PLANNING), PLANNING)
    planning.scenarios = {new_id("scenario", name): name for name in (DEFAULT_SCENARIO, "Budget 27")}
    departments = _list(
        "Departments", ("Parent", ValueType.TEXT), ("Active", ValueType.BOOLEAN), ("FTE", ValueType.NUMBER)
    )
    accounts = _list("Accounts", ("Label", ValueType.TEXT), ("Statement", ValueType.TEXT))
    months = _list("Months", ("First day", ValueType.DATE), ("Quarter", ValueType.TEXT))
    for row in DEPARTMENTS:
        departments.add(*row)
    for account in ACCOUNTS:
        accounts.add(*account)
    for position, name in enumerate(MONTHS):
        year, month = divmod(position, 12)
        months.add(name, date(2026 + year, month + 1, 1).isoformat(), f"Q{month // 3 + 1} {26 + year}")
    employees = _employees(departments, chance)
    ledger = _ledger(departments, accounts, ledger_rows, chance)
    headcount, salaries = _metrics(departments, months, chance)
    table = TableBlock(new_id(PLANNING, "P&L"), "P&L", [headcount.id, salaries.id])
    for block in (departments, accounts, months, employees, ledger, headcount, salaries, table):
        planning.put(block)
    for name, owner, too_big in (("Ledger for the API", ledger, False), ("Everything at once", table, True)):
        view = View(new_id("view", name), name, owner.id, too_big=too_big)
        planning.views[view.id] = view
    orphan = View(new_id("view", "A chart"), "A chart", new_id("a board, which is no block"), is_public=False)
    planning.views[orphan.id] = orphan
    return planning


def _list(name: str, *properties: tuple[str, ValueType], is_dimension: bool = True) -> ListBlock:
    first = name.removesuffix("s") if is_dimension else "Entry"
    columns = [Property(first), *(Property(label, type_) for label, type_ in properties)]
    return ListBlock(new_id(PLANNING, name), name, columns, is_dimension)


def _employees(departments: ListBlock, chance: random.Random) -> ListBlock:
    block = _list(
        "Employees",
        ("Department", ValueType.DIMENSION),
        ("Hired", ValueType.DATE),
        ("Salary", ValueType.NUMBER),
        ("Remote", ValueType.BOOLEAN),
        ("Notes", ValueType.TEXT),
    )
    block.properties[1].dimension_id = departments.id
    names = list(departments.names())
    for number in range(60):
        hired = date(2015, 1, 1) + timedelta(days=chance.randrange(4000))
        notes = chance.choice(["", "part time", 'says "hi"', "moves; often", "line one\nline two"])
        salary = chance.choice(["", f"{chance.randrange(30000, 150000)}.{chance.randrange(100):02d}"])
        block.add(
            f"E{number:04d}", chance.choice(names), hired.isoformat(), salary, chance.choice(["TRUE", "FALSE"]), notes
        )
    return block


def _ledger(departments: ListBlock, accounts: ListBlock, rows: int, chance: random.Random) -> ListBlock:
    block = _list(
        LEDGER,
        ("Account", ValueType.DIMENSION),
        ("Department", ValueType.DIMENSION),
        ("Posted", ValueType.DATE),
        ("Amount", ValueType.NUMBER),
        ("Memo", ValueType.TEXT),
        ("Reversed", ValueType.BOOLEAN),
        is_dimension=False,
    )
    block.properties[1].dimension_id, block.properties[2].dimension_id = accounts.id, departments.id
    account_names, department_names = list(accounts.names()), list(departments.names())
    memos = [
        "",
        "Invoice 4711",
        "refund; partial",
        'the "big" one',
        "first\nsecond",
        "first\r\nsecond",
        "  padded  ",
        "NULL",
        "-",
        "a\u2028b",
        "名前",
        "x" * 300,
    ]
    for number in range(rows):
        amount = chance.choice(
            [
                "0",
                f"{chance.randrange(-(10**6), 10**6)}.{chance.randrange(100):02d}",
                "16.66666666666667",
                "33.333333333333333333",
                "12345678901234567890.123456789",
                "-0.00",
                "",
                str(chance.randrange(10**5)),
            ]
        )
        posted = date(2026, 1, 1) + timedelta(days=chance.randrange(365))
        block.add(
            f"GL-{number:07d}",
            chance.choice(account_names),
            chance.choice(department_names),
            posted.isoformat(),
            amount,
            chance.choice(memos),
            chance.choice(["TRUE", "FALSE", ""]),
        )
    return block


def _metrics(departments: ListBlock, months: ListBlock, chance: random.Random) -> tuple[MetricBlock, MetricBlock]:
    headcount = MetricBlock(new_id(PLANNING, "Headcount"), "Headcount", [departments.id, months.id])
    salaries = MetricBlock(new_id(PLANNING, "Salary cost"), "Salary cost", [departments.id, months.id])
    for scenario in (DEFAULT_SCENARIO, "Budget 27"):
        for department in departments.names():
            for month in MONTHS:
                if chance.random() < 0.8:
                    people = chance.randrange(1, 80)
                    headcount.of(scenario)[department, month] = str(people)
                    salaries.of(scenario)[department, month] = f"{people * 5000}.{chance.randrange(10**6):06d}"
    return headcount, salaries


def _mirror(workspace: Workspace, planning: Application, consolidation: Application) -> None:
    """The same blocks, empty, in the other application, each with its import configurations."""
    ids = {block_id: new_id(CONSOLIDATION, block.name) for block_id, block in planning.blocks.items()}
    for block in planning.blocks.values():
        copy = _empty(block, ids)
        consolidation.put(copy)
        if isinstance(copy, TableBlock):
            continue
        names = _columns(copy, consolidation)
        configuration = ImportConfiguration(
            new_id("configuration", block.name),
            block.name,
            consolidation.id,
            copy.id,
            {name: name for name in names},
            key=names[0] if isinstance(copy, ListBlock) and copy.is_dimension else None,
            unknown_item=UnknownItem.CREATE,
        )
        workspace.configure(configuration)
        replacing = deepcopy(configuration)
        replacing.id, replacing.name = new_id("replacing", block.name), f"{block.name} (replace)"
        replacing.clear_before_import = True
        workspace.configure(replacing)
        if isinstance(copy, ListBlock) and not copy.is_dimension:
            keyed = deepcopy(configuration)
            keyed.id, keyed.name, keyed.key = new_id("keyed", block.name), f"{block.name} (by entry)", names[0]
            workspace.configure(keyed)
            _clearing_ledgers(workspace, configuration)


def _clearing_ledgers(workspace: Workspace, adding: ImportConfiguration) -> None:
    """The two ways in which Pigment advises to load a ledger again: by a unique identifier, and by month."""
    by_key, by_month = deepcopy(adding), deepcopy(adding)
    by_key.id, by_key.name, by_key.key = new_id("by key", adding.name), LEDGER_BY_KEY, "Entry"
    by_month.id, by_month.name, by_month.scope = new_id("by month", adding.name), LEDGER_BY_MONTH, ("Posted",)
    by_month.coarse_scope = True
    for each in (by_key, by_month):
        each.clear_before_import = True
        workspace.configure(each)


def _empty(block: Block, ids: dict[str, str]) -> Block:
    copy = deepcopy(block)
    copy.id = ids[block.id]
    match copy:
        case ListBlock():
            copy.items.clear()
            for each in copy.properties:
                each.dimension_id = ids[each.dimension_id] if each.dimension_id else None
        case MetricBlock():
            copy.cells.clear()
            copy.dimension_ids = [ids[id_] for id_ in copy.dimension_ids]
        case TableBlock():
            copy.metric_ids = [ids[id_] for id_ in copy.metric_ids]
    return copy


def _columns(block: Block, application: Application) -> list[str]:
    if isinstance(block, ListBlock):
        return [each.name for each in block.properties]
    if isinstance(block, MetricBlock):
        return [*(application.lists()[id_].name for id_ in block.dimension_ids), block.name]
    raise TypeError(block.type)


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
