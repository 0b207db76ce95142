"""What there is to read: the chosen blocks and the named views, each with a stream name of its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pigment_client.errors import PigmentError
from pigment_client.models import Block, BlockType, ExportKind, ExportRequest
from source_pigment.config import CustomExport, NamedView, SourceConfig
from source_pigment.discovery.names import Named, StreamName, namespaces, stream_names
from source_pigment.discovery.schema import KnownNames


@dataclass(frozen=True, slots=True)
class Application:
    """One of several applications that a connection reads, with its name and its unique namespace."""

    id: str
    name: str
    namespace: str

    @property
    def names(self) -> tuple[str, ...]:
        """What the configuration may call it."""
        # The name with the id stays valid when another application with the same name comes or goes.
        return tuple(dict.fromkeys((self.namespace, self.name.strip(), f"{self.name.strip()} ({self.id[:8]})")))


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """What a stream exports: a block, or a view (`block` is None).

    `known_names` explain its columns. `application` is None where the connection reads only one. `custom` is the
    entry of the configuration that says how the block is exported.
    """

    stream: StreamName
    kind: ExportKind
    id: str
    block: Block | None
    known_names: KnownNames
    application: Application | None = None
    custom: CustomExport | None = None

    @property
    def subject(self) -> str:
        return f'{self.kind.value} "{self.stream}"'

    @property
    def aliases(self) -> tuple[str, ...]:
        """What the configuration may call it: its id, its names, and these after its application's; last, for users."""
        own = self.block.name.strip() if self.block else self.stream.name
        names = dict.fromkeys((*self.names_of(self.stream.name), *self.names_of(own)))
        return self.id, *names, str(StreamName(own, self.stream.namespace))

    def names_of(self, name: str) -> tuple[str, ...]:
        """A name that it has, alone and after each name of its application."""
        prefixes = self.application.names if self.application else ()
        return name, str(StreamName(name, self.stream.namespace)), *(f"{prefix}/{name}" for prefix in prefixes)


@dataclass(frozen=True, slots=True)
class Applications:
    """The applications that the keys see, in Pigment's order, and by id why the blocks of one could not be listed."""

    seen: tuple[Application, ...]
    failed: Mapping[str, PigmentError] = field(default_factory=dict)

    def failures(self) -> list[tuple[Application, PigmentError]]:
        """Each application whose blocks could not be listed, and why."""
        return [(each, self.failed[each.id]) for each in self.seen if each.id in self.failed]

    def is_unavailable(self, application_id: str) -> bool:
        """Whether nothing of the application can be read."""
        return application_id in self.failed or all(each.id != application_id for each in self.seen)


@dataclass(frozen=True, slots=True)
class ExportCatalog:
    """What there is to read.

    `targets` are the chosen blocks and views. `others` are blocks that the configuration leaves out, which a stream
    that was configured earlier may still read, and views whose application is unknown. `applications` is None where
    the connection reads one application. `hidden_views` are the namespaces whose views could not be listed.
    """

    targets: tuple[ExportTarget, ...]
    others: tuple[ExportTarget, ...]
    applications: Applications | None = None
    hidden_views: tuple[str, ...] = ()

    @property
    def unplaced_views(self) -> list[ExportTarget]:
        """The views that were found in none of the applications whose views are shown."""
        return [each for each in self.others if each.block is None]


def name_applications(named: Sequence[tuple[str, str]]) -> tuple[Application, ...]:
    """The applications with these ids and names, each once and with a unique namespace."""
    names = dict(named)
    spaces = namespaces([Named(id_, name, "application") for id_, name in names.items()])
    return tuple(Application(id_, name, space) for (id_, name), space in zip(names.items(), spaces, strict=True))


def catalog_of(
    config: SourceConfig,
    blocks: Sequence[Block],
    views: Sequence[NamedView],
    application: Application | None = None,
    custom: Mapping[str, CustomExport] | None = None,
) -> ExportCatalog:
    """What there is to read of one application, which has these blocks and views.

    `custom` are the custom exports by the id of their block.
    """
    chosen = config.choose(blocks, application.names if application else ())
    chosen_ids = {block.id for block in chosen}
    known, namespace, custom = _known_names(blocks), application.namespace if application else None, custom or {}
    others = tuple(
        ExportTarget(
            StreamName(block.name, namespace),
            block.type.kind,
            block.id,
            block,
            known,
            application,
            custom.get(block.id),
        )
        for block in blocks
        if block.id not in chosen_ids
    )
    return ExportCatalog(name_targets(chosen, views, application, known, custom), others)


def name_targets(
    blocks: Sequence[Block],
    views: Sequence[NamedView],
    application: Application | None,
    known_names: KnownNames,
    custom: Mapping[str, CustomExport],
) -> tuple[ExportTarget, ...]:
    """These blocks and views of one application, each with a unique stream name."""
    named = [Named(block.id, block.name, block.type.kind.value) for block in blocks]
    named += [Named(view.view_id, view.name, ExportKind.VIEW.value) for view in views]
    namespace = application.namespace if application else None
    return tuple(
        ExportTarget(
            StreamName(name, namespace),
            ExportKind(each.kind),
            each.id,
            block,
            known_names,
            application,
            custom.get(each.id) if block else None,
        )
        for name, each, block in zip(stream_names(named), named, [*blocks, *(None for _ in views)], strict=True)
    )


def _known_names(blocks: Sequence[Block]) -> KnownNames:
    metrics = frozenset(block.name for block in blocks if block.type is BlockType.METRIC)
    dimensions = frozenset(block.name for block in blocks if block.type is BlockType.DIMENSION_LIST)
    return KnownNames(metrics - dimensions, dimensions)


def export_requests(config: SourceConfig, target: ExportTarget) -> tuple[ExportRequest, ...]:
    """The exports that a stream reads, one for each slice and at least one; raises `ConfigProblem`."""
    payloads = config.payloads_for(target.kind, target.aliases[-1], target.custom)
    return tuple(ExportRequest(target.kind, target.id, payload) for payload in payloads)


def explain_invisible(application_id: str, visible: str) -> str:
    """Why the entered application cannot be read, and which ones can."""
    return (
        f'The application {application_id} under "Application ID" is not visible to the owner of the API key: open '
        f"the application in Pigment and paste its address. There are: {visible}."
    )
