"""The index of a workspace: the only speaker of SQL. Rows stay inside; frozen records leave."""
