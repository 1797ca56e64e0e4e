"""The sub-commands of `receiver`: running, looking, deciding, replaying."""
