"""Start a sync into Pigment every night, and wait until it has ended."""

import os

import dagster as dg
from dagster_airbyte import AirbyteWorkspace, airbyte_assets

airbyte_workspace = AirbyteWorkspace(
    rest_api_base_url="https://airbyte.example/api/public/v1",
    configuration_api_base_url="https://airbyte.example/api/v1",
    workspace_id=dg.EnvVar("AIRBYTE_WORKSPACE"),
    client_id=dg.EnvVar("AIRBYTE_CLIENT_ID"),
    client_secret=dg.EnvVar("AIRBYTE_CLIENT_SECRET"),
)


@airbyte_assets(
    connection_id=os.environ["PIGMENT_CONNECTION_ID"],
    workspace=airbyte_workspace,
    name="pigment_ledger",
)
def pigment_ledger(context: dg.AssetExecutionContext, airbyte: AirbyteWorkspace):
    """The connection's streams, loaded into Pigment."""
    yield from airbyte.sync_and_poll(context=context)


load_ledger = dg.define_asset_job("load_ledger", selection=[pigment_ledger])

defs = dg.Definitions(
    assets=[pigment_ledger],
    jobs=[load_ledger],
    schedules=[dg.ScheduleDefinition(job=load_ledger, cron_schedule="0 4 * * *")],
    resources={"airbyte": airbyte_workspace},
)
