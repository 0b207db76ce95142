"""Whether each entry under "Custom exports" is for one block: for none or several it would filter nothing, or too much.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.name_list import listed
from pigment_client.models import Block
from source_pigment.config import SourceConfig
from source_pigment.discovery.names import Named, StreamName, stream_names
from source_pigment.discovery.streams import Application


@dataclass(frozen=True, slots=True)
class Listing:
    """The blocks of an application; the application is None where the connection reads only one."""

    application: Application | None
    blocks: Sequence[Block]


def check_custom_exports(
    config: SourceConfig, listings: Sequence[Listing], excused: Collection[str] | None = ()
) -> None:
    """Raise `ConfigProblem` for an entry that names no block, or several.

    `excused` are words for blocks that could not be listed, which an entry may be for; None excuses every word.
    """
    named = _ids_by_word(listings)
    several = any(each.application for each in listings)
    for each in config.block_requests:
        if len(named.get(each.block, ())) > 1:
            raise ConfigProblem(_ambiguous(each.block, len(named[each.block]), several=several))
    unknown = [each.block for each in config.block_requests if each.block not in named]
    unknown = [] if excused is None else [each for each in unknown if each not in excused]
    if unknown and any(each.blocks for each in listings):
        raise ConfigProblem(_unknown(unknown, listings, several=several))


def _ids_by_word(listings: Sequence[Listing]) -> dict[str, set[str]]:
    """The ids of the blocks that an entry may mean by a word."""
    named: dict[str, set[str]] = {}
    for listing in listings:
        streams = stream_names([Named(each.id, each.name, each.type.kind.value) for each in listing.blocks])
        fronts = listing.application.names if listing.application else ()
        for block, stream in zip(listing.blocks, streams, strict=True):
            names = {block.name.strip(), stream}
            for word in (block.id, *names, *(f"{front}/{name}" for front in fronts for name in names)):
                named.setdefault(word, set()).add(block.id)
    return named


def _ambiguous(word: str, count: int, *, several: bool) -> str:
    instead = ", or put its application in front of the name (application/block)" if several else ""
    return (
        f'{count} blocks of the application{"s" if several else ""} are called "{word}", so it is not known which of '
        f'them the entry under "Custom exports" is for: enter the ID of the block instead of its name{instead}.'
    )


def _unknown(words: Sequence[str], listings: Sequence[Listing], *, several: bool) -> str:
    there = [
        str(StreamName(block.name, listing.application.namespace if listing.application else None))
        for listing in listings
        for block in listing.blocks
    ]
    return (
        f"{'None of the applications has a' if several else 'The application has no'} block named {', '.join(words)} "
        f'that the owner of the API key can see: correct the entry under "Custom exports". There are: {listed(there)}.'
    )
