"""The `receiver` command's parts: running, looking and deciding, replaying."""
