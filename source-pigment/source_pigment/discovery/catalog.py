"""What there is to read: the chosen blocks and the named views, each under a name of its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pigment_client.errors import PigmentError
from pigment_client.models import Block, BlockType, ExportKind
from source_pigment.config import NamedView, Payload, SourceConfig
from source_pigment.discovery.names import Named, StreamName, namespaces, stream_names
from source_pigment.discovery.schema import KnownNames


@dataclass(frozen=True, slots=True)
class Application:
    """One of several applications that a connection reads: its own name, and its namespace, which no other has."""

    id: str
    name: str
    namespace: str

    @property
    def names(self) -> tuple[str, ...]:
        """What the configuration may call it."""
        # With its id it goes on being called the same when another application of its name comes or goes.
        return tuple(dict.fromkeys((self.namespace, self.name.strip(), f"{self.name.strip()} ({self.id[:8]})")))


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """What a stream exports: a block, or a view (`block` is None).

    `known_names` explain its columns. `application` is None where the connection reads only one.
    """

    stream: StreamName
    kind: ExportKind
    id: str
    block: Block | None
    known_names: KnownNames
    application: Application | None = None

    @property
    def subject(self) -> str:
        """What the user calls it."""
        return f'{self.kind.value} "{self.stream}"'

    @property
    def words(self) -> tuple[str, ...]:
        """By what the configuration may name it, for users last: its id, its names, and these with its application."""
        own = self.block.name.strip() if self.block else self.stream.name
        names = dict.fromkeys((self.stream.name, own))
        fronts = self.application.names if self.application else ()
        in_front = (f"{front}/{name}" for front in fronts for name in names)
        return self.id, *names, *in_front, str(StreamName(own, self.stream.namespace))


@dataclass(frozen=True, slots=True)
class Applications:
    """The applications that the keys see, in Pigment's order, and by id why the blocks of one could not be listed."""

    seen: tuple[Application, ...]
    failed: Mapping[str, PigmentError] = field(default_factory=dict)

    def failures(self) -> list[tuple[Application, PigmentError]]:
        """Each application whose blocks could not be listed, and why."""
        return [(each, self.failed[each.id]) for each in self.seen if each.id in self.failed]

    def is_out(self, application_id: str) -> bool:
        """Whether nothing can be read of the application."""
        return application_id in self.failed or all(each.id != application_id for each in self.seen)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What there is to read.

    `targets` are the chosen blocks and views; `others` is what the configuration leaves out, which a stream that was
    configured before may still read, and views whose application is not known. `applications` is None where the
    connection reads one application.
    """

    targets: tuple[ExportTarget, ...]
    others: tuple[ExportTarget, ...]
    applications: Applications | None = None

    @property
    def unplaced_views(self) -> list[ExportTarget]:
        """The views of which it is not known which of several applications they belong to."""
        return [each for each in self.others if each.block is None]


def name_applications(named: Sequence[tuple[str, str]]) -> tuple[Application, ...]:
    """The applications with these ids and names, each once, each with a namespace of its own."""
    names = dict(named)
    spaces = namespaces([Named(id_, name, "application") for id_, name in names.items()])
    return tuple(Application(id_, name, space) for (id_, name), space in zip(names.items(), spaces, strict=True))


def catalog_of(
    config: SourceConfig, blocks: Sequence[Block], views: Sequence[NamedView], application: Application | None = None
) -> Catalog:
    """What there is to read of one application, which has these blocks and views."""
    fronts = application.names if application else ()
    chosen = [block for block in blocks if config.chooses(block, fronts)]
    named = [Named(block.id, block.name, block.type.kind.value) for block in chosen]
    named += [Named(view.view_id, view.name, ExportKind.VIEW.value) for view in views]
    by_id: list[Block | None] = [*chosen, *(None for _ in views)]
    known_names = _known_names(blocks)

    def make(name: str, kind: ExportKind, id_: str, block: Block | None) -> ExportTarget:
        stream = StreamName(name, application.namespace if application else None)
        return ExportTarget(stream, kind, id_, block, known_names, application)

    targets = tuple(
        make(name, ExportKind(each.kind), each.id, block)
        for name, each, block in zip(stream_names(named), named, by_id, strict=True)
    )
    others = tuple(make(block.name, block.type.kind, block.id, block) for block in blocks if block not in chosen)
    return Catalog(targets, others)


def _known_names(blocks: Sequence[Block]) -> KnownNames:
    metrics = frozenset(block.name for block in blocks if block.type is BlockType.METRIC)
    dimensions = frozenset(block.name for block in blocks if block.type is BlockType.DIMENSION_LIST)
    return KnownNames(metrics - dimensions, dimensions)


def payloads_of(config: SourceConfig, target: ExportTarget) -> tuple[Payload, ...]:
    """The payloads of a stream's slices, one at least; raises `ConfigProblem`."""
    return config.payloads_for(target.kind, *target.words)
