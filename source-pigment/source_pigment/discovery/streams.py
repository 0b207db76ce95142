"""What an application offers as streams: its chosen blocks and the named views, each under a name of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.name_list import listed
from pigment_client.client import PigmentClient
from pigment_client.models import Block, BlockType, ExportKind
from source_pigment.config import Payload, SourceConfig
from source_pigment.discovery.inference import KnownNames
from source_pigment.discovery.names import Named, stream_names


@dataclass(frozen=True, slots=True)
class StreamObject:
    """What a stream exports: a block, or a view (`block` is None)."""

    name: str
    kind: ExportKind
    id: str
    block: Block | None

    @property
    def subject(self) -> str:
        """What the user calls it."""
        return f'{self.kind.value} "{self.name}"'


@dataclass(frozen=True, slots=True)
class Catalog:
    """The streams of an application, and the names that explain their columns.

    `objects` are the chosen ones; `others` are the blocks that the configuration leaves out, which a stream that was
    configured before may still read.
    """

    objects: tuple[StreamObject, ...]
    others: tuple[StreamObject, ...]
    known_names: KnownNames

    def find(self, stream: str, object_id: str | None) -> StreamObject | None:
        """What a configured stream reads, under the stream's name: the object with its id, whatever that is called now.

        A stream from a catalog without ids (None) is found by its name.
        """
        if object_id is None:
            return next((each for each in self.objects if each.name == stream), None)
        # A view may be configured under several names.
        found = [each for each in (*self.objects, *self.others) if each.id == object_id]
        chosen = next((each for each in found if each.name == stream), found[0] if found else None)
        return chosen and replace(chosen, name=stream)


def fetch_catalog(client: PigmentClient, config: SourceConfig) -> Catalog:
    """Ask for the application's blocks, once, and choose among them; raises a `PigmentError`."""
    blocks = client.list_blocks(config.application_id)
    _check_payloads_have_blocks(config, blocks)
    chosen = [block for block in blocks if config.chooses(block)]
    named = [Named(block.id, block.name, block.type.kind.value) for block in chosen]
    named += [Named(view.view_id, view.name, ExportKind.VIEW.value) for view in config.views]
    names = stream_names(named)
    by_id: list[Block | None] = [*chosen, *(None for _ in config.views)]
    objects = tuple(
        StreamObject(name, ExportKind(each.kind), each.id, block)
        for name, each, block in zip(names, named, by_id, strict=True)
    )
    others = tuple(
        StreamObject(block.name, block.type.kind, block.id, block) for block in blocks if block not in chosen
    )
    metrics = frozenset(block.name for block in blocks if block.type is BlockType.METRIC)
    dimensions = frozenset(block.name for block in blocks if block.type is BlockType.DIMENSION_LIST)
    return Catalog(objects, others, KnownNames(metrics - dimensions, dimensions))


def fetch_filled_catalog(client: PigmentClient, config: SourceConfig) -> Catalog:
    """The catalog; raises `ConfigProblem` that says why where there is nothing in it."""
    catalog = fetch_catalog(client, config)
    if not catalog.objects:
        raise explain_empty(client, config)
    return catalog


def _check_payloads_have_blocks(config: SourceConfig, blocks: list[Block]) -> None:
    """Each payload is for one block: one that none or several bear would filter nothing, or too much."""
    streams = stream_names([Named(block.id, block.name, block.type.kind.value) for block in blocks])
    named: dict[str, set[str]] = {}
    for block, stream in zip(blocks, streams, strict=True):
        for word in (block.id, block.name.strip(), stream):
            named.setdefault(word, set()).add(block.id)
    for each in config.block_requests:
        if len(named.get(each.block, ())) > 1:
            raise ConfigProblem(
                f'{len(named[each.block])} blocks of the application are called "{each.block}", so it is not known '
                'which of them the entry under "Custom exports" is for: enter the ID of the block instead of its name.'
            )
    unknown = [each.block for each in config.block_requests if each.block not in named]
    if unknown and blocks:
        raise ConfigProblem(
            f"The application has no block named {', '.join(unknown)} that the owner of the API key can see: correct "
            f'the entry under "Custom exports". There are: {listed(block.name for block in blocks)}.'
        )


def payloads_of(config: SourceConfig, stream_object: StreamObject) -> tuple[Payload, ...]:
    """The payloads of a stream's slices; a block may be named in the configuration by its id or its name."""
    names = [stream_object.id, stream_object.name]
    if stream_object.block is not None:
        names.append(stream_object.block.name.strip())
    return config.payloads_for(stream_object.kind, *names)


def explain_empty(client: PigmentClient, config: SourceConfig) -> ConfigProblem:
    """Why there is nothing to read: the application is another's, hidden, or has no block of the chosen kinds."""
    applications = client.list_applications()
    if all(each.id != config.application_id for each in applications):
        there = listed(f"{each.name} ({each.id})" for each in applications)
        return ConfigProblem(
            f'The application {config.application_id} under "Application ID" is none that the owner of the API key can '
            f"see: open the application in Pigment and paste its address. There are: {there}."
        )
    return ConfigProblem(
        "The application has no block of the chosen types and names that the owner of the API key can see: widen "
        '"Block types", "Include" and "Exclude", or check the access rights.'
    )
