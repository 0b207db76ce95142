-- The view that the connection in Airbyte reads: whole months, without those that are closed.
create view open_months as
select "Month", "Account", "Amount"
from ledger
where "Month" not in (select "Month" from closed_months);
