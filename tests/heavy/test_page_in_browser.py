"""The HTML page in Chromium: charts are drawn, nothing is requested, hostile names are text."""

import datetime
import shutil
from decimal import Decimal

import pytest
from playwright.sync_api import expect, sync_playwright

from modelgates_client.reports.figures import (
    Fallback,
    HistogramBin,
    Provider,
    Spread,
    TimeSlice,
    Total,
)
from modelgates_client.reports.page import render

from ..reports.sample_reports import NO_SPREAD, full, group, report
from ..reports.sample_rows import NOON

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHARTS = ("time", "costs", "latencies", "fallbacks", "providers")
#: The elements that a chart draws for its data.
MARKS = ".bars .point path, .sankey-node rect, .sankey-link"
HOSTILE = '</script><a href="javascript:alert(1)">x</a><img src=x onerror=alert(1)><b>%{y}$1$'
TIMEOUT_MS = 60_000  # enough for a busy machine


@pytest.fixture(scope="module")
def browser():
    """Return a running Chromium."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.fail("Chromium is not installed: run, for example, `apt-get install chromium`")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()


@pytest.fixture
def show(browser, tmp_path):
    """Return a function that opens the page of a report; messages and requests are errors."""
    opened, events = [], []

    def show(figures, width=1280, scheme="light", **options):
        file = tmp_path / "report.html"
        file.write_text(render(figures), encoding="utf-8")
        script = options.pop("script", None)
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        opened.append(page)
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", lambda message: events.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: events.append(f"error: {error}"))
        page.on("dialog", lambda dialog: events.append(f"dialog: {dialog.message}"))
        address = file.as_uri()

        def guard(route):
            if route.request.url == address:
                route.continue_()
            else:
                events.append(f"request: {route.request.url}")
                route.abort()

        page.route("**/*", guard)
        if script:
            page.add_init_script(script)
        page.goto(address)
        if options.get("java_script_enabled", True) and not script:
            page.wait_for_selector("html[data-drawn]")
        return page

    yield show
    for page in opened:
        page.close()
    assert events == []


def marks(page, chart):
    """Return how many marks of a chart are visible."""
    return page.evaluate(
        "([id, marks]) => [...document.querySelectorAll(`#${id} :is(${marks})`)].filter(mark => {"
        " const box = mark.getBoundingClientRect(); return box.width > 0 && box.height > 0;"
        "}).length",
        [chart, MARKS],
    )


def colour(page):
    """Return the colour of the first bar of the histogram."""
    return page.evaluate(
        "getComputedStyle(document.querySelector('#latencies .bars .point path')).fill"
    )


def hover_text(page, chart):
    """Return the text of a chart while the mouse is over its largest mark."""
    x, y = page.evaluate(
        "([id, marks]) => {"
        " document.getElementById(id).scrollIntoView({ block: 'center' });"
        " const boxes = [...document.querySelectorAll(`#${id} :is(${marks})`)].map("
        "  mark => mark.getBoundingClientRect());"
        " const box = boxes.sort((a, b) => b.width * b.height - a.width * a.height)[0];"
        " return [box.x + box.width / 2, box.y + box.height / 2];"
        "}",
        [chart, MARKS],
    )
    page.mouse.move(x, y)
    page.mouse.move(x + 1, y)
    return page.locator(f"#{chart} .hovertext").first.text_content()


def overflow(page):
    """Return by how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def huge():
    """Return a report of 200 models and 400 days."""
    models = [f"vendor-{number % 7}/model-{number}-instruct" for number in range(200)]
    spread = Spread(50, 800.0, 2000.0, 9000.0)
    slices = tuple(
        TimeSlice(NOON + datetime.timedelta(days=day), model, 3, Total(Decimal(200 - number), 0))
        for day in range(400)
        for number, model in enumerate(models[:50])
    )
    return report(
        total=group((), 200, "20100", latency_ms=spread),
        groups=tuple(
            group((model,), 1, str(200 - number), latency_ms=spread)
            for number, model in enumerate(models)
        ),
        timeline=slices,
        latencies=tuple(
            HistogramBin(10.0 * 1.26**n, 10.0 * 1.26 ** (n + 1), n + 1) for n in range(50)
        ),
        providers=tuple(Provider(f"P{n}", 99, 9, 90, ((500, 9),), spread) for n in range(40)),
        fallbacks=tuple(Fallback(f"P{n % 9}", f"P{n % 11}", 99 - n) for n in range(60)),
    )


def single():
    """Return a report of a single record."""
    only = group(("m/one",), 1, "0.00003452", latency_ms=Spread(1, 812.0, 812.0, 812.0))
    return report(
        total=only,
        groups=(only,),
        timeline=(TimeSlice(NOON, "m/one", 1, Total(Decimal("0.00003452"), 0)),),
        latencies=(HistogramBin(800.0, 1000.0, 1),),
        providers=(Provider("P", 1, 1, 0, ((429, 1),), NO_SPREAD),),
        fallbacks=(Fallback("P", None, 1),),
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_chart_is_drawn(show, width, scheme):
    """At any width and in any colour scheme; nothing is wider than the window."""
    page = show(full(), width, scheme)

    assert {chart: marks(page, chart) > 0 for chart in CHARTS} == dict.fromkeys(CHARTS, True)
    assert marks(page, "time") == 4
    assert page.locator("#latencies .shapelayer path").count() == 3
    assert page.locator("#fallbacks .sankey-link").count() == 2
    assert overflow(page) <= 0


@pytest.mark.parametrize("make", [report, single, huge])
@pytest.mark.parametrize("width", [1280, 390])
def test_reports_of_any_size_are_shown(show, make, width):
    """Without records, with a single one, or with very many groups."""
    figures = make()
    page = show(figures, width)

    expected = dict.fromkeys(CHARTS, make is not report)
    drawn = {chart: marks(page, chart) > 0 for chart in CHARTS}
    assert drawn == expected
    assert overflow(page) <= 0


@pytest.mark.parametrize("width", [1280, 390])
def test_no_label_is_cut(show, width):
    """Labels of bars, marks, axes and legends are within their charts."""
    page = show(full("a-vendor-with-a-name/a-model-with-a-long-name-" * 2), width)

    cut = page.evaluate(
        "[...document.querySelectorAll('.chart')].flatMap(chart => {"
        " const frame = chart.getBoundingClientRect();"
        " return [...chart.querySelectorAll('.annotation-text, .legendtext, .node-label,"
        " .xtick text, .ytick text')].filter(label => {"
        "  const box = label.getBoundingClientRect();"
        "  return box.left < frame.left - 1 || box.right > frame.right + 1 ||"
        "   box.top < frame.top - 1 || box.bottom > frame.bottom + 1;"
        " }).map(label => label.textContent);"
        "})"
    )
    assert cut == []


@pytest.mark.parametrize("make", [full, single, huge])
@pytest.mark.parametrize("width", [1280, 390])
def test_labels_do_not_overlap(show, make, width):
    """Neither those of an axis, nor those of bars and marks."""
    page = show(make(), width)

    overlapping = page.evaluate(
        "[...document.querySelectorAll('.chart')].flatMap(chart =>"
        " ['.annotation-text', '.xtick text', '.ytick text', '.legendtext'].flatMap(kind => {"
        "  const boxes = [...chart.querySelectorAll(kind)].map(label =>"
        "   [label.textContent, label.getBoundingClientRect()]);"
        "  return boxes.flatMap(([first, a], index) => boxes.slice(index + 1).filter(([, b]) =>"
        "   Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&"
        "   Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3"
        "  ).map(([second]) => [chart.id, first, second]));"
        " }))"
    )
    assert overlapping == []


def test_colours_follow_the_system(show):
    """An open page is drawn again when the system changes to dark."""
    page = show(full())
    light = colour(page)

    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "light => getComputedStyle(document.querySelector("
        "'#latencies .bars .point path')).fill !== light",
        arg=light,
    )
    dark = colour(page)
    assert dark == colour(show(full(), scheme="dark"))
    assert light != dark


def test_charts_follow_the_width(show):
    """A narrower window needs no horizontal scrolling."""
    page = show(full())

    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_function(
        "[...document.querySelectorAll('.chart')].every(chart =>"
        " chart.querySelector('.main-svg').getBoundingClientRect().width <= chart.clientWidth)"
    )
    assert overflow(page) <= 0


def test_hostile_names_are_text(show):
    """In charts, hover texts and tables, none becomes an element, a link or a template."""
    figures = full(HOSTILE, HOSTILE)
    page = show(figures)

    assert page.locator("img, main a, svg a, b, svg [onerror]").count() == 0
    for place in ("#time .legendtext", "#costs .annotation-text", "#fallbacks .node-label"):
        assert page.locator(place).first.text_content().startswith("</script><a href=")
    hover = hover_text(page, "costs")
    assert HOSTILE[:39] in hover  # the middle of a long name is left out
    assert HOSTILE[-38:] in hover
    assert HOSTILE[:39] in hover_text(page, "fallbacks")
    assert page.locator("svg a, svg tspan[style*='bold']").count() == 0


def test_hover_texts_have_exact_amounts(show):
    """With all digits, and the number of unknown amounts."""
    page = show(full())

    assert "$1,201.50000000000000000000003 (and 3 unknown) all in" in hover_text(page, "costs")


def test_the_legend_hides_models(show):
    """Hidden models stay hidden when redrawn; each hover text has the total of the day."""
    days = [NOON + datetime.timedelta(days=day) for day in range(3)]
    parts = [
        TimeSlice(day, model, 1, Total(Decimal(2), 0)) for day in days for model in ("a/b", "c/d")
    ]
    page = show(report(timeline=tuple(parts), groups=(group(("a/b",)),)))
    bars = page.locator("#time .bars .point path")

    assert bars.count() == 6
    assert "the day, all models: $4, of 2 records" in hover_text(page, "time")
    page.locator("#time .legendtoggle").first.click()
    expect(bars).to_have_count(3, timeout=TIMEOUT_MS)
    chart = page.locator("#time")
    before = chart.get_attribute("data-width")
    page.set_viewport_size({"width": 700, "height": 900})
    expect(chart).not_to_have_attribute("data-width", before, timeout=TIMEOUT_MS)
    assert bars.count() == 3


def test_a_table_that_scrolls_has_a_hint(show):
    """If it is wider than its container, and only then."""
    wide = show(full(), width=1280).locator(".cue:visible").count()
    page = show(full(), width=390)
    expect(page.locator(".cue:visible").nth(1)).to_be_visible(timeout=TIMEOUT_MS)
    cut = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter("
        "each => (each.scrollWidth > each.clientWidth + 1) === each.nextElementSibling.hidden"
        ").length"
    )
    assert cut == 0
    assert wide < page.locator(".cue:visible").count()


def test_usual_amounts_are_neither_cut_nor_broken(show):
    """A wide window shows all columns, and a narrow one keeps the digits of an amount together."""
    amounts = {
        "charged_usd": Total(Decimal("3941.90517112"), 2014),
        "upstream_usd": Total(Decimal("241.048236606"), 947),
        "all_in_usd": Total(Decimal("4164.182528143"), 2961),
        "cache_saving_usd": Total(Decimal("93.744641321"), 0),
        "provisional": 995,
    }
    model = group(("anthropic/claude-sonnet-4.5",), 99_005, **amounts)
    figures = report(total=group((), 199_005, **amounts), groups=(model,))

    assert show(figures, 1280).locator(".cue:visible").count() == 0
    broken = show(figures, 390).evaluate(
        "[...document.querySelectorAll('.value .small')].filter("
        "digits => digits.getClientRects().length > 1).length"
    )
    assert broken == 0


def test_without_javascript_all_figures_are_in_tables(show):
    """The page says so, and charts leave no gaps."""
    page = show(full(), java_script_enabled=False)

    assert page.locator("noscript p").is_visible()
    assert page.locator("table").count() == 6
    assert all(table.is_visible() for table in page.locator("table").all())
    assert not any(chart.is_visible() for chart in page.locator(".chart").all())
    assert page.get_by_text("$1,201.50000000000000000000003").first.is_visible()


def test_an_old_browser_shows_the_tables(show):
    """With a notice; nothing is hidden."""
    page = show(full(), script="delete globalThis.DecompressionStream")

    page.wait_for_selector("#notice:not([hidden])")
    assert "could not be drawn" in page.locator("#notice").text_content()
    assert all(table.is_visible() for table in page.locator("table").all())
    assert not any(chart.is_visible() for chart in page.locator(".chart").all())


def test_printed_charts_are_light_and_fit_the_paper(show):
    """After printing, the screen is as before."""
    page = show(full(), scheme="dark")
    dark = colour(page)
    page.evaluate(
        "addEventListener('beforeprint', () => {"
        " globalThis.printed = ['latencies', 'time'].map(id => {"
        "  const svg = document.querySelector(`#${id} .main-svg`);"
        "  return [svg.getBoundingClientRect().width, getComputedStyle("
        "   document.getElementById(id).querySelector('.bars .point path')).fill];"
        " });"
        "})"
    )

    pdf = page.pdf(format="A4")

    assert pdf.startswith(b"%PDF")
    printed = page.evaluate("globalThis.printed")
    light = colour(show(full()))
    assert [width for width, _ in printed] == [660, 660]
    assert printed[0][1] == light != dark
    page.wait_for_function("!('printing' in document.documentElement.dataset)")
    page.wait_for_function(
        "dark => getComputedStyle(document.querySelector("
        "'#latencies .bars .point path')).fill === dark",
        arg=dark,
    )


def test_tables_can_be_sorted_by_keyboard(show):
    """In both directions; unknown values are last, and totals stay at the bottom."""
    groups = (
        group(("m/nine",), 9, "9.5"),
        group(("m/ten",), 10, "10.25"),
        group((None,), 2, "0", 2),
        group(("m/refunded",), 1, "-1"),
    )
    page = show(report(groups=groups, total=group((), 22, "18.75", 2)))
    table = page.locator("table").filter(has_text="cache saving")
    button = table.get_by_role("button", name="all in")

    def names():
        return table.locator("tbody th").all_text_contents()

    button.focus()
    page.keyboard.press("Enter")
    assert names() == ["m/ten", "m/nine", "m/refunded", "unknown"]
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert names() == ["m/refunded", "m/nine", "m/ten", "unknown"]
    table.get_by_role("button", name="model").click()
    assert names() == ["m/nine", "m/refunded", "m/ten", "unknown"]
    assert table.locator("th[aria-sort]").count() == 1
    assert table.locator("tfoot th").all_text_contents() == ["Total"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(show, scheme):
    """4.5 to 1, as WCAG 2.2 requires for level AA, also in charts."""
    page = show(full(), scheme=scheme)

    low_contrast = page.evaluate("""() => {
      const parts = colour => colour.match(/[0-9.]+/g).map(Number);
      const light = colour => {
        const [r, g, b] = parts(colour).map(part => part / 255)
          .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const behind = element => {
        for (let parent = element; parent; parent = parent.parentElement) {
          const colour = getComputedStyle(parent).backgroundColor;
          if ((parts(colour)[3] ?? 1) === 1) return colour;
        }
      };
      const failures = [];
      for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        const isShown = element.getClientRects().length;
        if (!own || !isShown || element.closest('script, noscript, .sankey')) continue;
        const style = getComputedStyle(element);
        const ink = element.ownerSVGElement ? style.fill : style.color;
        const [low, high] = [light(ink), light(behind(element))].sort((a, b) => a - b);
        const ratio = (high + 0.05) / (low + 0.05);
        if (ratio < 4.5) failures.push([element.textContent, ink, ratio]);
      }
      return failures;
    }""")
    assert low_contrast == []
