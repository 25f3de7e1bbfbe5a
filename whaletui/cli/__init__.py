"""The command line: one module a group of commands, each a thin caller of the rooms beside it."""
