"""``python -m cookie_consent`` is ``cookie-consent``."""

from cookie_consent.cli import main

if __name__ == "__main__":  # not in the processes that verify
    main()
