"""Every scenario by name, so that tests can be collected without a site."""

from __future__ import annotations

from .cells import Cell

WRITES_EVERYWHERE = (
    "save update update_f bulk_update bulk_create bulk_create_conflicts update_or_create "
    "get_or_create select_for_update raw_sql raw_sql_disguised raw_sql_read_as_rows executemany "
    "update_after_cte update_from insert_select upsert m2m_add m2m_add_reverse m2m_clear m2m_set "
    "m2m_cascade queryset_delete raw_delete cascade generic_create generic_cascade parent_update "
    "parent_delete trigger database_cascade under_a_view replaced_table"
).split()
WRITES_POSTGRES = (
    "cte_write merge truncate truncate_cascade do_block function_call procedure_call "
    "several_statements several_with_commit prepared_execute explain_analyze copied_in "
    "refreshed_view partition_written whole_written select_into schema_named"
).split()
#: These end transactions themselves, or can't run in one.
NOT_IN_A_TRANSACTION = {"several_with_commit"}
#: PostgreSQL lets nobody read the table before their transaction ends.
LOCKING = {"replaced_table", "truncate", "truncate_cascade", "refreshed_view"}

FOR_EACH_WRITE = (
    "late_store late_store_in_a_unit late_store_elsewhere kept_then_written read_before_commit "
    "read_before_renewal served_before_renewal"
).split()
IN_A_TRANSACTION = {"read_before_commit", "read_before_renewal", "served_before_renewal"}
EVERYWHERE = (
    "earlier_hook_raises read_in_a_hook savepoint_dropped savepoint_dropped_in_a_late_store "
    "kept_in_a_dropped_savepoint rolled_back rolled_back_late dirty_reader dirty_unit "
    "renewed_out_of_order raw_begin raw_begin_read_between raw_rollback raw_savepoint manual_mode "
    "closed_in_manual_mode another_alias a_twin_alias read_dirty_by_a_twin changed_schema "
    "new_trigger in_a_transaction kept_again_in_a_transaction hit_then_kept_in_a_transaction "
    "late_store_in_a_snapshot iterator_within iterator_around foreseen_in_a_snapshot "
    "open_cursor list_before inner_changed_meanwhile inner_served_old inner_written_by_outer "
    "list_before_a_fragment list_half_read_before_a_fragment fragment_late_store atomic_requests "
    "atomic_request_fails list_before_the_writer commit_in_doubt statement_in_doubt "
    "constraint_at_commit connection_closed_within refresh refresh_written_again wait wait_is_over "
    "serve regeneration_fails invalidated_late crowd"
).split()
POSTGRES = (
    "repeatable_read repeatable_read_session serializable_retry held_cursor backend_terminated "
    "commit_prepared"
).split()
ALL = [*FOR_EACH_WRITE, *EVERYWHERE, *POSTGRES]
WRITES = [*WRITES_EVERYWHERE, *WRITES_POSTGRES]


def scenarios(cell: Cell) -> list[str]:
    """What is played in a cell: ``late_store:update`` and so on."""
    postgres = cell.vendor == "postgres"
    writes = WRITES if postgres else WRITES_EVERYWHERE
    raced = [
        f"{name}:{write}"
        for name in FOR_EACH_WRITE
        for write in writes
        if not (write in NOT_IN_A_TRANSACTION and name in IN_A_TRANSACTION)
        if not (postgres and write in LOCKING and name == "read_before_commit")
    ]
    return [*raced, *EVERYWHERE, *(POSTGRES if postgres else [])]
