"""What a scan without a browser cannot see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.scanner.model import Carrier

if TYPE_CHECKING:
    from cookie_consent.scanner.model import Scan

__all__ = ["unseen_by_crawl"]


def unseen_by_crawl(scan: Scan, *, inline: int, skipped: int, held: int) -> list[str]:
    """Return what the crawl could not see, each as a sentence.

    So many ``inline`` scripts were found in all pages together, links ``skipped``, and tags ``held`` by cookie_consent.
    """
    named = [request for request in scan.requests if not request.is_made]
    scripts = [request for request in named if request.carrier is Carrier.SCRIPT]
    frames = [request for request in named if request.carrier is Carrier.FRAME]
    found: list[str] = []
    if scripts:
        hosts = len({request.host for request in scripts})
        found.append(
            f"{_number(len(scripts), 'script')} of {_number(hosts, 'host')} {_were(len(scripts))} not run: the cookies "
            "and storage keys that scripts set, and what scripts load, are not in this list."
        )
    if inline:
        found.append(f"{_number(inline, 'inline script')} {_were(inline)} read but not run.")
    if not scripts and not inline:
        found.append("No scripts were found; had there been any, they would not have been run.")
    if held:
        found.append(
            f"The site runs cookie_consent: {_number(held, 'tag')} that it holds back {_were(held)} read, but the "
            "cookies that it withholds until the visitor agrees were not sent."
        )
    if frames:
        hosts = len({request.host for request in frames})
        found.append(f"{_number(len(frames), 'frame')} of {_number(hosts, 'host')} {_were(len(frames))} not opened.")
    others = {request.host for request in named} - {request.host for request in scan.requests if request.is_made}
    if others:
        found.append(
            f"{_number(len(others), 'other host')} {_were(len(others))} not asked: cookies of "
            f"{'its' if len(others) == 1 else 'their'} answers are not in this list."
        )
    found.append("Service workers, web storage and fingerprinting are seen in a browser only.")
    found.append("What appears after scrolling, a click, signing in or a choice in a consent banner was not seen.")
    found.append(
        "Names of hosts were not followed in DNS: a tracker behind a host of the site (CNAME) looks like the site."
    )
    if skipped:
        found.append(
            f"{_number(skipped, 'link')} {_were(skipped)} not followed, because they lead to files, or might log out, "
            "delete or unsubscribe."
        )
    return found


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
