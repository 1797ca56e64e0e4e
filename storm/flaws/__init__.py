"""The nine classic flaws of webhook receivers, each a patch that names the tests which must catch it."""
