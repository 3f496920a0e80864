"""Design of the banner: rows 32 to 43."""

from __future__ import annotations

import re

import pytest

from cookie_consent.endpoints.static_files import static_files
from cookie_consent.testing import make_policy
from tests.law.site import NAVIGATION, Markup, panel, post, shop

pytestmark = pytest.mark.anyio

STYLE = static_files("plain")["banner.css"].decode()
PHONE = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours such as ``#fff`` (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        digits = colour.lstrip("#")
        digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


async def test_row_32_cookie_banner_taskforce_refuse_beside_accept() -> None:
    async with shop() as client:
        markup = panel((await client.get("/")).text)
    first, second = markup.forms[:2]
    assert (first.buttons, second.buttons) == (["Refuse all"], ["Accept all"])


async def test_row_33_cookie_banner_taskforce_refusing_is_a_button() -> None:
    async with shop() as client:
        text = (await client.get("/")).text
        form = panel(text).form("refuse-all")
        assert re.search(r'<button type="submit"[^>]*>Refuse all</button>', text)
        assert (await post(client, form)).status_code == 303
        assert (await client.get("/_consent/state")).json()["granted"] == ["session"]


async def test_row_34_cookie_banner_taskforce_both_look_alike() -> None:
    async with shop() as client:
        text = (await client.get("/")).text
    buttons = re.findall(r'<button([^>]*) data-action="(?:refuse|accept)"([^>]*)>(?:Refuse|Accept) all</button>', text)
    assert len(buttons) == 2
    assert buttons[0] == buttons[1]
    assert "class" not in "".join(buttons[0])
    # No rule tells the first from the second.
    assert not re.search(r"cc-actions[^{]*:(?:first|last|nth)|\[data-action(?!=\"save\")|value=", STYLE)
    colours = {
        name: re.findall(rf"--(?:light|dark)-{name}: (?:var\([^,]+, )+(#[0-9a-f]+)", STYLE)
        for name in ("accent", "on-accent")
    }
    assert len(colours["accent"]) >= 2  # light and dark
    for background, text_colour in zip(*colours.values(), strict=True):
        assert contrast(background, text_colour) >= 4.5
    assert contrast("#777", "#fff") < 4.5


async def test_row_35_edpb_03_2022_one_markup_for_all_devices() -> None:
    async with shop() as client:
        computer = panel((await client.get("/")).text)
        headers = {"user-agent": PHONE, "sec-ch-ua-mobile": "?1"}
        phone = panel((await client.get("/", headers=headers)).text)
    assert phone.visible == computer.visible
    assert phone.links == computer.links
    narrow = re.findall(r"@media[^{]*max-width[^{]*\{(.*?)\n\}", STYLE, re.DOTALL)
    assert narrow
    for rules in narrow:
        for selector, declarations in re.findall(r"([^{}]+)\{([^}]*)\}", rules):
            is_option = bool(re.search(r"button|cc-actions|cc-settings|cc-toggle|cc-list", selector))
            is_option = is_option and "cc-frame" not in selector  # the placeholders'
            assert not (is_option and re.search(r"display: none|visibility: hidden", declarations)), selector


async def test_row_36_edpb_03_2022_the_banner_speaks_the_pages_language() -> None:
    async with shop(headers={"accept-language": "de"}) as client:
        assert "Refuse all" in panel((await client.get("/")).text).visible  # on <html lang=en>
        assert "Alle ablehnen" in Markup((await client.get("/_consent/preferences")).text).visible
        fields = {**dict(panel((await client.get("/")).text).form("refuse-all").fields), "edition": "out-of-date"}
        problem = await client.post("/_consent/choices", data=fields, headers=NAVIGATION)
        assert problem.status_code == 409
        assert '<html lang="en"' in problem.text


async def test_row_37_edpb_03_2022_a_refusal_is_not_followed_by_a_question() -> None:
    async with shop() as client:
        assert panel((await client.get("/")).text).forms
        await client.choose()
        for path in ("/", "/next", "/next?a=1"):
            assert not panel((await client.get(path, headers=NAVIGATION)).text).forms


async def test_row_38_edpb_03_2022_no_link_leads_nowhere() -> None:
    async with shop(policy=make_policy(services={"youtube": {}})) as client:
        links = panel((await client.get("/")).text).links
        assert len(links) >= 4
        for link in links:
            assert (await client.get(link)).status_code == 200
        declaration = await client.get(next(link for link in links if "partners" in link))
        assert 'id="partners"' in declaration.text


async def test_row_39_edpb_03_2022_one_click_each() -> None:
    for control, granted in (("refuse-all", 1), ("accept-all", 6)):
        async with shop() as client:
            await post(client, panel((await client.get("/")).text).form(control))
            state = (await client.get("/_consent/state")).json()
            assert state["decided"]
            assert len(state["granted"]) >= granted
            assert (len(state["granted"]) == 1) == (control == "refuse-all")


async def test_row_40_edpb_03_2022_saving_without_a_tick_refuses() -> None:
    async with shop() as client:
        form = panel((await client.get("/")).text).form("save")
        assert form.boxes["analytics"] is False
        await post(client, form)
        state = (await client.get("/_consent/state")).json()
        assert (state["decided"], state["granted"]) == (True, ["session"])


async def test_row_41_cookie_banner_taskforce_a_way_to_the_settings_on_each_page() -> None:
    async with shop() as client:
        for choice in ((), ("analytics",)):
            await client.choose(*choice)
            for path in ("/", "/next"):
                text = (await client.get(path)).text
                (attributes,) = re.findall(r'<a class="cc-back" ([^>]*)>Privacy settings', text)
                assert "hidden" not in attributes
                link = re.findall('href="([^"]*)"', attributes)[0].replace("&amp;", "&")
                assert "Refuse all" in (await client.get(link)).text


async def test_row_42_edpb_03_2022_settings_show_what_was_chosen() -> None:
    async with shop() as client:
        await client.choose("analytics")
        for path in ("settings", "preferences"):
            forms = Markup((await client.get(f"/_consent/{path}")).text).forms
            boxes = next(form.boxes for form in forms if form.boxes)
            assert [name for name, on in boxes.items() if on] == ["", "analytics"]


async def test_row_43_garante_231_2021_nothing_to_ask_no_banner() -> None:
    async with shop("<p>a", policy=make_policy()) as client:
        text = (await client.get("/")).text
        assert not panel(text).forms
        assert "cc-back" in text
    async with shop('<iframe src="https://www.youtube.com/embed/a"></iframe>', policy=make_policy()) as client:
        assert panel((await client.get("/")).text).forms
