"""The database's history: one script a step, the newest told by `whaletui.records.schema.REVISIONS`."""
