"""A Django application that brings the template filters ``allows`` and ``allows_service``.

Add ``"cookie_consent.contrib.django"`` to ``INSTALLED_APPS``. The middleware itself belongs into ``asgi.py``.
"""
