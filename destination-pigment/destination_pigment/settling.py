"""What goes where, settled before the first record is read: each stream's target, and what follows the sync."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from destination_pigment.config import DestinationConfig, require_runs_without_files
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dimension_checks import build_checks
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.changes import Append
from destination_pigment.imports.reload import Replace
from destination_pigment.imports.strategies import Streams
from destination_pigment.imports.then_run import FollowUp, settle_follow_ups
from destination_pigment.input.cancel import Patience
from destination_pigment.input.catalog import DestinationStream, StreamKey, WriteMode
from destination_pigment.places import Places
from destination_pigment.targets import needs_names, reject_update, settle_targets, shared_blocks
from pigment_client.client import PigmentClient
from pigment_client.errors import PigmentError
from pigment_client.keys import Purpose
from pigment_client.models import ImportConfiguration

logger = logging.getLogger("airbyte.pigment.destination")


def settle_streams(
    client: PigmentClient,
    settings: DestinationConfig,
    streams: Sequence[DestinationStream],
    places: Places,
    patience: Patience,
) -> Streams:
    """The streams with their targets, checks and files; raises `ConfigProblem` where one has no target that suits."""
    known = _known_configurations(client, settings, is_needed=needs_names(streams, settings.targets))
    targets = settle_targets(streams, settings.targets, known)
    reject_update(streams, targets, settings.loading_of)
    for sentence in shared_blocks(streams, targets, known or ()):
        logger.warning(sentence)
    by_id = {each.id: each for each in known or ()}
    configurations = {key: by_id.get(target.configuration_id) for key, target in targets.items()}
    checks = build_checks(client, settings, streams, configurations)
    appends: dict[StreamKey, Append] = {}
    replaces: dict[StreamKey, Replace] = {}
    for stream in streams:
        key, target = stream.key, targets[stream.key]
        require_runs_without_files(settings.then_run, (target.configuration_id, target.clearing_id), stream.subject)
        dialect = settings.loading_of(target.configuration_id).dialect
        converter = RecordConverter(stream, checks[key], dialect)
        files = StreamFiles(converter, places.spool, settings.limits, places.rejections())
        if stream.mode is WriteMode.REPLACE:
            replaces[key] = Replace(stream, target, files, patience.restart_seconds, places.unstored)
        else:
            appends[key] = Append(stream, target, files, places.spool, places.unstored)
        logger.info(
            "The %s goes to the import configuration %s (%s).", stream.subject, target.configuration_id, stream.mode
        )
    return Streams(appends, replaces)


def settle_then_run(client: PigmentClient, settings: DestinationConfig) -> tuple[FollowUp, ...]:
    """What is to be started, by its name where somebody can ask for that."""
    known: list[ImportConfiguration] = []
    if settings.then_run and client.has_key_for(Purpose.METADATA):
        try:
            known = client.list_import_configurations()
        except PigmentError as error:
            logger.info('The names of what is under "Then run" are not known: %s', error)
    return settle_follow_ups(settings.then_run, known)


def _known_configurations(
    client: PigmentClient, settings: DestinationConfig, *, is_needed: bool
) -> list[ImportConfiguration] | None:
    """The import configurations of the application, None where they cannot be listed.

    Where no target depends on it, what they say is welcome (whether one creates missing items, which block it fills),
    and nothing fails without it.
    """
    if settings.application_id is None or not client.has_key_for(Purpose.METADATA):
        return None
    try:
        return client.list_import_configurations(settings.application_id)
    except PigmentError as error:
        if is_needed:
            raise
        logger.info("The import configurations could not be listed, and no target depends on it: %s", error)
        return None
