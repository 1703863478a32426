"""The live page in a browser, and the board in a real terminal, while logs grow."""

import os
import shutil
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.browser
WAIT = 60_000  # ms; a machine may be busy


@pytest.fixture
def live(browser, started, growing):
    folder, write = growing
    _, url = started("dashboard", str(folder), "--web", "--port", "0", "--every", "1", "--isolated")
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.said = []
        page.on("pageerror", lambda e: page.said.append(str(e)))
        page.goto(url)
        page.wait_for_selector("h1", timeout=WAIT)
        yield page, write


def test_a_log_that_grows_appears_without_a_click_and_keeps_what_was_typed(live):
    page, write = live
    assert page.locator("h1").inner_text().startswith("PASS")
    page.fill("#filter", "missing")
    page.click("#series summary")
    write(13, missing=0.6)
    write(14)
    page.wait_for_selector(".finding.alarm", timeout=WAIT)

    assert "amount" in page.locator(".finding.alarm").first.inner_text()
    assert page.locator("#filter").input_value() == "missing"
    assert page.locator("#series details").get_attribute("open") is not None
    assert page.locator("#pulse").inner_text().startswith("live")
    assert page.said == []


def test_a_trouble_is_said_on_the_page_and_goes_away(live, growing):
    page, write = live
    folder, _ = growing
    hidden = folder.with_name("elsewhere")
    folder.rename(hidden)
    page.wait_for_selector("#pulse.off", timeout=WAIT)

    assert "mlops:" in page.locator("#pulse").inner_text()
    hidden.rename(folder)
    write(13)
    page.wait_for_selector("#pulse:not(.off)", timeout=WAIT)


def test_a_server_that_is_gone_is_noticed_and_one_that_came_back_is_taken(browser, started, growing):
    folder, _ = growing
    run, url = started("dashboard", str(folder), "--web", "--port", "0", "--every", "1", "--isolated")
    port = url.rstrip("/").rpartition(":")[2]
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector("h1", timeout=WAIT)
    run.kill()
    run.wait()
    page.wait_for_selector("#pulse.off", timeout=WAIT)
    started("dashboard", str(folder), "--web", "--port", port, "--every", "1", "--isolated")

    page.wait_for_selector("#pulse:not(.off)", timeout=WAIT)
    page.close()


@pytest.fixture
def terminal(growing, tmp_path):
    """The board in tmux: a function that gives what the screen shows, and one that types."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    folder, write = growing
    name = f"mlops-{tmp_path.name}"
    socket = ["tmux", "-L", name]
    command = f"{sys.executable} -m mlops_cli dashboard {folder} --every 1 --isolated; echo code=$?; sleep 60"
    env = {
        k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}
    }  # readline of pytest sets them
    opened = [*socket, "new-session", "-d", "-x", "100", "-y", "30", command]
    subprocess.run(opened, check=True, cwd=tmp_path, env=env)

    def shown():
        return subprocess.run(
            [*socket, "capture-pane", "-p"], capture_output=True, text=True, check=True
        ).stdout

    def tmux(*words):
        subprocess.run([*socket, *words], check=True)

    yield shown, tmux, write
    subprocess.run([*socket, "kill-server"], check=False)


def until(shown, *words):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        text = shown()
        if all(w in text for w in words):
            return text
        time.sleep(0.2)
    raise AssertionError(f"{words} not in:\n{text}")


def test_the_board_shows_the_vital_numbers_follows_the_logs_and_ends_with_its_verdict(terminal):
    shown, tmux, write = terminal
    text = until(shown, "PASS", "latency p95", "q quits")
    for name in ("throughput", "volume", "latency p50", "non-null output", "missing input", "drift"):
        assert name in text
    write(13, missing=0.6)
    write(14, missing=0.6)
    until(shown, "FAIL", "missing-rate  amount")
    tmux("resize-window", "-x", "60", "-y", "16")
    small = until(lambda: shown() if shown().count("\n") == 16 else "", "FAIL")
    assert max(len(line) for line in small.splitlines()) <= 60
    tmux("send-keys", "q")
    until(shown, "code=1")
