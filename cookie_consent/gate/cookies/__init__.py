"""The cookies that come and go: which are kept, cut short, dropped or deleted."""
