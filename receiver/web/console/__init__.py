"""``/console``: the operator's plane for people. Pages are made on the server, and work without a script.

`frame` puts it together. A page is one module in `pages`, one template, and one file of texts: docs/console.md.
"""

from receiver.web.console.frame import PREFIX, blueprint

__all__ = ["PREFIX", "blueprint"]
