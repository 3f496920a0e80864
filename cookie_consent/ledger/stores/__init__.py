"""Where records are kept: one module or folder for each engine, all behind ``ledger.store``."""
