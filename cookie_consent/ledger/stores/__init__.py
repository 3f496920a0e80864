"""Stores: one module or folder per engine, behind the protocols of ``ledger.store``."""
