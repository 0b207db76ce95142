"""Start a sync into Pigment every night, and wait until it has ended."""

from datetime import datetime, timedelta, timezone

from airflow.providers.airbyte.operators.airbyte import AirbyteTriggerSyncOperator
from airflow.sdk import DAG  # in Airflow 2: from airflow import DAG

with DAG(
    dag_id="load_pigment",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    schedule="0 4 * * *",
    catchup=False,
    max_active_runs=1,
):
    AirbyteTriggerSyncOperator(
        task_id="load_ledger",
        airbyte_conn_id="airbyte_default",
        connection_id="{{ var.value.pigment_connection_id }}",
        deferrable=True,
        timeout=4 * 3600,
        execution_timeout=timedelta(hours=4),
        # Airbyte repeats what can be repeated. After any other error, look at the block first.
        retries=0,
    )
