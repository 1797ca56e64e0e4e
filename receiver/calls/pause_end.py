"""PURE: how an account's pause ends, in words."""


def how_it_ends(account: str, *, own_fault: bool) -> str:
    """How a pause ends, and what a person can do: part of every message about one."""
    if own_fault:
        return f"when the key works; after a correction: receiver resume {account}, or SIGHUP to a worker"
    return f"by itself; sooner by receiver resume {account}"
