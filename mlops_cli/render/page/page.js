"use strict";
(() => {
  const root = document.documentElement;
  const all = (what, from = document) => [...from.querySelectorAll(what)];
  const one = (what) => document.querySelector(what);
  const hidden = new Set();
  const kept = {
    get(key) { try { return localStorage.getItem(`mlops.${key}`); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(`mlops.${key}`, value); } catch { /* a file may not keep anything */ } },
  };
  let axis = { at: [], names: [] };
  let sorted = null;

  // light, dark, or as the system has it
  const theme = (name) => {
    if (name === "light" || name === "dark") root.dataset.theme = name; else delete root.dataset.theme;
    const button = one("#theme");
    if (button) button.textContent = name === "light" || name === "dark" ? name : "auto";
  };
  const turn = () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const order = dark ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
    const next = order[(order.indexOf(kept.get("theme") || "auto") + 1) % 3];
    kept.set("theme", next);
    theme(next);
  };

  // what is shown: words of the filter, and levels
  const filter = () => {
    const input = one("#filter");
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of all("[data-find]")) {
      const named = words.every((word) => item.dataset.find.includes(word));
      item.hidden = !named || hidden.has(item.dataset.level);
      shown += !item.hidden;
    }
    for (const section of all("main section")) {
      const items = all("[data-find]", section);
      if (items.length) section.hidden = items.every((item) => item.hidden);
    }
    if (words.length) all("#series details").forEach((d) => { d.open = true; });
    one("#none").hidden = shown > 0 || !all("[data-find]").length;
    for (const button of all("[data-show]")) button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.show)));
  };

  // a table by one of its columns
  const sort = (key, down) => {
    const body = one(".sortable tbody");
    if (!body) return;
    const numeric = ["rank", "used", "size"].includes(key);
    const value = (row) => {
      if (!numeric) return row.querySelector(`[data-key="${key}"]`).textContent.trim();
      const text = row.dataset[key];
      return text === "" ? null : Number(text);
    };
    const rows = all("tr", body).map((row) => [value(row), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return (down ? -1 : 1) * (numeric ? a - b : a.localeCompare(b));
    });
    body.append(...rows.map(([, row]) => row));
    for (const button of all("[data-sort]")) {
      const head = button.closest("th");
      if (button.dataset.sort === key) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    sorted = [key, down];
  };

  // what a window of a chart was
  const windows = (chart) => {
    const text = chart.dataset.windows;
    if (text.includes(",")) return text.split(",").map(Number);
    const [first, last = first] = text.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  };
  const tell = (chart, i) => {
    const at = windows(chart);
    const value = chart.dataset.said.split("|")[i];
    if (value === undefined) return;
    const box = chart.querySelector(".plot").getBoundingClientRect();
    const x = axis.at[at[i]];
    const rule = chart.querySelector(".rule");
    rule.hidden = false;
    rule.style.left = `${100 * x}%`;
    const tip = one("#tip");
    tip.textContent = `${axis.names[at[i]]}  ${value}`;
    tip.hidden = false;
    const left = box.left + box.width * x - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(6, Math.min(left, innerWidth - tip.offsetWidth - 6))}px`;
    tip.style.top = `${Math.max(4, box.top - tip.offsetHeight - 6)}px`;
    chart.dataset.now = i;
  };
  const hush = () => {
    one("#tip").hidden = true;
    all(".rule").forEach((rule) => { rule.hidden = true; });
  };
  document.addEventListener("pointermove", (event) => {
    const plot = event.target.closest && event.target.closest(".chart .plot");
    if (!plot) { if (!document.activeElement.closest(".chart")) hush(); return; }
    hush();
    const chart = plot.closest(".chart");
    const box = plot.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    let best = 0;
    windows(chart).forEach((w, i, list) => {
      if (Math.abs(axis.at[w] - x) < Math.abs(axis.at[list[best]] - x)) best = i;
    });
    tell(chart, best);
  });
  document.addEventListener("focusout", hush);
  addEventListener("scroll", hush, { passive: true });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.id === "theme") turn();
    if (button.dataset.show) {
      const level = button.dataset.show;
      if (hidden.has(level)) hidden.delete(level); else hidden.add(level);
      filter();
    }
    if (button.dataset.sort) {
      const key = button.dataset.sort;
      const first = ["rank", "used", "size"].includes(key);
      sort(key, sorted && sorted[0] === key ? !sorted[1] : first);
    }
  });
  document.addEventListener("input", (event) => { if (event.target.id === "filter") filter(); });

  const step = (by) => {
    const list = all(".finding").filter((item) => !item.hidden);
    if (!list.length) return;
    const at = list.indexOf(document.activeElement.closest(".finding"));
    const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.max(0, Math.min(at + by, list.length - 1))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "center" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const chart = document.activeElement.closest(".chart");
    if (event.target.id === "filter") {
      if (event.key === "Escape") { event.target.value = ""; filter(); event.target.blur(); }
      return;
    }
    if (chart && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const last = windows(chart).length - 1;
      const now = chart.dataset.now === undefined ? last : Number(chart.dataset.now) + (event.key === "ArrowRight" ? 1 : -1);
      hush();
      tell(chart, Math.max(0, Math.min(now, last)));
      event.preventDefault();
      return;
    }
    if (event.key === "/") { one("#filter").focus(); event.preventDefault(); }
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
    if (event.key === "t") turn();
    if (event.key === "Escape") hush();
  });
  addEventListener("beforeprint", () => all("details").forEach((d) => { d.open = true; }));

  const ready = () => {
    axis = JSON.parse(one("[data-axis]").dataset.axis);
    theme(kept.get("theme") || "auto");
    filter();
  };
  ready();

  // the same page while logs grow: the server says that there is a new one, and it takes the place of this
  if (document.body.dataset.live) {
    const pulse = (text, off) => {
      const spot = one("#pulse");
      if (spot) { spot.textContent = text; spot.classList.toggle("off", off); }
    };
    const renew = async () => {
      const answer = await fetch("page", { headers: { accept: "text/html" } });
      if (!answer.ok) { pulse(`no answer (${answer.status})`, true); return; }
      const text = await answer.text();
      const words = one("#filter").value;
      const open = all("details[open]").map((d) => d.dataset.open);
      const typing = document.activeElement.id === "filter";
      one("#page").innerHTML = text;
      one("#filter").value = words;
      open.forEach((name) => all("details").filter((d) => d.dataset.open === name).forEach((d) => { d.open = true; }));
      document.title = `${one(".gist").textContent} \u00b7 mlops`;
      ready();
      if (sorted) sort(...sorted);
      if (typing) one("#filter").focus();
      pulse(`live, ${new Date().toLocaleTimeString()}`, false);
    };
    const events = new EventSource(`events?since=${document.body.dataset.live}`);
    events.addEventListener("report", renew);
    events.addEventListener("trouble", (event) => pulse(event.data, true));
    events.addEventListener("error", () => pulse("connection lost, trying again", true));
    events.addEventListener("open", () => pulse("live", false));
  }
})();
