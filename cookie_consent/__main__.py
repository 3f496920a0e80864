"""``python -m cookie_consent`` is ``cookie-consent``."""

from cookie_consent.cli import main

main()
