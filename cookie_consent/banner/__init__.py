"""What visitors see: the banner, the preferences page and error pages."""

from cookie_consent.banner.declaration import Declaration, as_data, as_markdown
from cookie_consent.banner.locale import Locale
from cookie_consent.banner.notice import NoticeText
from cookie_consent.banner.places import (
    LATE_PLACEHOLDER,
    PLACES_PLACEHOLDER,
    address_of,
    banner_script,
    late_banner_script,
)
from cookie_consent.banner.renderer import Renderer
from cookie_consent.banner.style import banner_style, frame_style, page_style

__all__ = [
    "LATE_PLACEHOLDER",
    "PLACES_PLACEHOLDER",
    "Declaration",
    "Locale",
    "NoticeText",
    "Renderer",
    "address_of",
    "as_data",
    "as_markdown",
    "banner_script",
    "banner_style",
    "frame_style",
    "late_banner_script",
    "page_style",
]
