{{ config(materialized='incremental', incremental_strategy='append') }}

with current_load as (
    select _pigment_record_id as record_id, _pigment_content_hash as content_hash
    from {{ source('pigment', 'general_ledger') }}
),

known as (
    {% if is_incremental() %}
    select record_id, content_hash
    from (
        select
            record_id, content_hash, change_type,
            row_number() over (partition by record_id order by seen_at desc) as age
        from {{ this }}
    ) as changes
    where age = 1 and change_type <> 'deleted'
    {% else %}
    select record_id, content_hash from current_load where 1 = 0
    {% endif %}
),

changes as (
    select
        current_load.record_id,
        current_load.content_hash,
        case when known.record_id is null then 'new' else 'changed' end as change_type
    from current_load
    left join known on known.record_id = current_load.record_id
    where known.record_id is null or known.content_hash <> current_load.content_hash

    union all

    select known.record_id, known.content_hash, 'deleted' as change_type
    from known
    left join current_load on current_load.record_id = known.record_id
    where current_load.record_id is null
)

select
    record_id,
    content_hash,
    change_type,
    '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as seen_at
from changes
