"""How Pigment may differ from what its pages say (the defaults), and what they do not say at all: both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from local_pigment.audit import AuditNames


class ImportsOfABlock(StrEnum):
    """What several imports of one block do that run at the same time."""

    QUEUE = "queue"
    OVERLAP = "overlap"


class DuplicateKey(StrEnum):
    """What a unique identifier that stands twice in one file does: fail the import, or be merged into one row."""

    FAIL = "fail"
    FIRST = "first"
    LAST = "last"


class DoubleCell(StrEnum):
    """What two rows of one file for one cell of a metric do."""

    LAST = "last"
    SUM = "sum"
    FAIL = "fail"


class Forbidden(StrEnum):
    """What an import does that would do a forbidden thing: fail as a whole, or leave that thing out."""

    FAIL = "fail"
    SKIP = "skip"


@dataclass(slots=True)
class Variants:
    """What may be otherwise. Where no source is named, nothing public describes it, and the connectors need both."""

    # The texts "CSV Push API" and "Metadata API" of a third party; Pigment's API description knows neither.
    richer_metadata: bool = False
    immediate_results: bool = False
    polls_until_done: int = 0
    # A limit exists (API description, 400), its number is not published.
    largest_push_bytes: int = 500_000_000
    gzip: bool = True
    # A server that closes when a client reads nothing of a response for this long.
    client_patience_seconds: float | None = None
    # How long an import takes; imports of one block wait for each other or overlap, where each clears when it begins.
    import_seconds: float = 0.0
    imports_of_a_block: ImportsOfABlock = ImportsOfABlock.QUEUE
    # `dryRun` is no part of Pigment's API description, so a push with it stores the rows; None: it is known where the
    # richer metadata is, because the same texts describe both.
    respects_dry_run: bool | None = None
    audit_names: AuditNames = field(default_factory=AuditNames)
    # Pigment's samples of exportFilter write "AND" and "value", its API description And and Value.
    kb_filter_words: bool = False

    # --- Clearing ("Clear items prior to import"): not described
    # Whether rows that a clearing import removes are in `deletedCount`.
    clear_counted: bool = True
    # Whether a file without a row clears a block whose entire items are to be cleared.
    header_only_clears: bool = True
    # Whether an import that ends as Failed has cleared its block.
    failed_import_clears: bool = False
    # Of two scope columns: every crossing of the values that occur is cleared, or only the pairs that occur.
    crossed_scope: bool = False
    # Pigment says that clearing needs the Delete Item right, not what happens without it.
    clear_without_right: Forbidden = Forbidden.FAIL
    # Whether clearing leaves rows alone that the owner of the key may not write.
    rights_limit_clearing: bool = False

    # --- Keys and cells
    # Pigment's text for its assistant: the import fails. A partner's script expects that rows are merged.
    duplicate_key: DuplicateKey = DuplicateKey.FAIL
    # Not described.
    double_cell: DoubleCell = DoubleCell.LAST
    # How items and keys are compared. The modelling guide: exactly; the pages on imports do not say it.
    case_sensitive: bool = True
    trims: bool = False
    # App Lock: imports into protected lists do not go on. Test & Deploy: whether an import counts is not said.
    protected_items: Forbidden = Forbidden.FAIL

    # --- Counts: not described
    # A blank for a cell that is there deletes it; whether that is in `deletedCount`.
    blank_deletion_counted: bool = True
    # Whether a row that changes nothing is in `updatedCount`.
    unchanged_counted: bool = True
    # Whether `skippedCount` has the values that were stored as blank because their item is unknown.
    blanked_counted: bool = False

    @property
    def knows_dry_run(self) -> bool:
        return self.richer_metadata if self.respects_dry_run is None else self.respects_dry_run
