"""The project's figures, each measured beside its baseline: ``python -m bench`` (``--short`` takes a minute or two).

Run it on an idle machine. Load, servers and databases share it, so a ratio says more than a rate.
"""
