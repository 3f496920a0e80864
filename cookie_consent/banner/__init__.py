"""What visitors see: the banner, the preferences page and error pages."""

from cookie_consent.banner.locale import Locale
from cookie_consent.banner.notice import NoticeText
from cookie_consent.banner.places import PLACES_PLACEHOLDER, address_of, banner_script
from cookie_consent.banner.renderer import Renderer

__all__ = ["PLACES_PLACEHOLDER", "Locale", "NoticeText", "Renderer", "address_of", "banner_script"]
