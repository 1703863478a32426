"""The page of the sample logs in a browser with the network cut."""

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def page(tab, sample_page):
    tab.goto(sample_page.as_uri())
    return tab


def total(page, level=""):
    """Findings of a level, hidden ones too."""
    return page.locator(f".finding{level}").count()


def visible(page, selector):
    return page.locator(selector).filter(visible=True).count()


def test_it_opens_offline_in_one_small_file_without_a_word_on_the_console(page, sample_page):
    assert sample_page.stat().st_size < 400_000
    assert page.locator("h1").inner_text().startswith("PASS")
    assert page.said == []


def test_charts_have_content(page):
    sizes = page.eval_on_selector_all(
        ".chart svg path.value", "all => all.map(p => p.getBoundingClientRect().width)"
    )

    assert len(sizes) > 30
    assert min(sizes) > 100


def test_nothing_is_wider_than_a_phone(browser, sample_page):
    with browser.new_context(viewport={"width": 360, "height": 740}) as context:
        page = context.new_page()
        page.goto(sample_page.as_uri())

        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_filter_leaves_what_has_all_of_its_words(page):
    page.fill("#filter", "missing carrier")

    assert visible(page, ".finding") == 1
    assert "carrier" in page.locator(".finding").filter(visible=True).inner_text()
    assert visible(page, "#series tbody tr") == 1
    page.fill("#filter", "nothing has this name")
    assert page.locator("#none").is_visible()
    page.fill("#filter", "")
    assert visible(page, ".finding") == total(page)


def test_levels_are_switched_off_and_on(page):
    page.click("[data-show=alarm]")
    assert 0 < visible(page, ".finding") == total(page, ".warning") < total(page)
    page.click("[data-show=warning]")
    assert visible(page, ".finding") == 0
    page.click("[data-show=alarm]")
    page.click("[data-show=warning]")
    assert visible(page, ".finding") == total(page)


def test_the_table_sorts_by_any_column_both_ways(page):
    page.click("#series summary")
    for key in ("code", "size", "used"):
        page.click(f"[data-sort={key}]")
        up = values(page, key)
        page.click(f"[data-sort={key}]")
        down = values(page, key)
        known = [v for v in up if v is not None]
        assert known in (sorted(known), sorted(known, reverse=True))
        assert [v for v in down if v is not None] == sorted(known, reverse=known == sorted(known))
        if key == "used":
            assert down[-1] is None


def values(page, key):
    if key == "code":
        return page.locator("#series [data-key=code]").all_inner_texts()
    texts = page.eval_on_selector_all("#series tbody tr", f"all => all.map(r => r.dataset.{key})")
    return [float(t) if t else None for t in texts]


def test_the_sorted_column_says_so_to_a_reader(page):
    page.click("#series summary")
    page.click("[data-sort=size]")

    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_a_chart_says_each_window_under_the_pointer(page):
    chart = page.locator(".open .chart .plot").first
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)

    assert page.locator("#tip").inner_text() == "2026-10-30 5.98 % ▲"
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    assert page.locator("#tip").inner_text().startswith("2026-10-01")
    page.mouse.move(5, 5)
    assert page.locator("#tip").is_hidden()


def test_everything_is_reached_by_the_keyboard(page):
    page.keyboard.press("/")
    page.keyboard.type("latency")
    assert page.locator("#filter").input_value() == "latency"
    assert 0 < visible(page, ".finding") < total(page)
    page.keyboard.press("Escape")
    assert visible(page, ".finding") == total(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "missing-rate/////carrier"
    page.keyboard.press("k")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#tip").inner_text().startswith("2026-10-29")


def test_the_first_tab_skips_to_the_findings(page):
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.className") == "skip"


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_it_is_light_or_dark_as_the_system_is_until_it_is_told(scheme, dark, browser, sample_page):
    with browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(sample_page.as_uri())
        light = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] > 128"

        assert page.evaluate(light) is not dark
        page.keyboard.press("t")
        assert page.evaluate(light) is dark
        page.reload()
        assert page.evaluate(light) is dark


def test_words_can_be_told_from_their_ground(browser, sample_page):
    """WCAG AA: 4.5 to 1 for text."""
    script = """() => {
      const parse = (c) => c.match(/[\\d.]+/g).map(Number);
      const light = (c) => { const [r, g, b] = parse(c).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; const p = parse(c); if (p.length < 4 || p[3] > 0.99) return c; } return "rgb(255,255,255)"; };
      const out = [];
      for (const e of document.querySelectorAll("h1,h2,h3,p,dt,dd,time,strong,small,.gist,.mark,.dim,td,th,summary,button,a")) {
        if (!e.textContent.trim() || !e.offsetParent) continue;
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) out.push(`${e.className || e.tagName} ${ratio.toFixed(2)} ${e.textContent.trim().slice(0, 30)}`);
      }
      return [...new Set(out)];
    }"""
    for scheme in ("light", "dark"):
        with browser.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.goto(sample_page.as_uri())
            assert page.evaluate(script) == []


def test_a_print_shows_what_is_folded_and_no_tools(page):
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert page.locator(".tools").is_hidden()
    assert page.eval_on_selector_all("details", "all => all.every(d => d.open)")
    assert len(page.pdf()) > 20_000


def test_an_attack_that_gets_past_the_escaping_is_stopped_by_the_policy(page):
    page.evaluate(
        """() => { const s = document.createElement("script"); s.textContent = "window.bad = 1"; document.body.append(s);
        document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.bad = 1'>"); }"""
    )
    page.wait_for_timeout(200)

    assert page.evaluate("window.bad") is None
    assert any("Content Security Policy" in line for line in page.said)
