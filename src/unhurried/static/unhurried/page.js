/* Keeps the page fresh without moving it: each [data-live] is replaced by its newer self. */
"use strict";

(() => {
  const EVERY = 10000;
  const state = document.body.dataset.state;
  const groups = [...document.querySelectorAll("[data-charts]")].map((charts) => ({ charts, step: 0, at: 0 }));
  const said = document.getElementById("said"), pause = document.getElementById("pause");
  let paused = false, updated = new Date();

  const clock = (date) => date.toTimeString().slice(0, 8);
  const say = (text) => { said.textContent = text; };
  if (state === "still") return say(`Asked at ${clock(updated)}`); // questions cost the database

  async function get(address, type) {
    const response = await fetch(address, { headers: { "X-Requested-With": "fetch" } });
    if (response.redirected) throw new Error("you are no longer logged in");
    if (!(response.headers.get("Content-Type") || "").startsWith(type)) throw new Error("the site answers " + response.status);
    return response;
  }

  /* What can have the focus, by what it leads to or opens: the newer one has it again. */
  const target = (element) => element.getAttribute("href") || (element.localName === "summary" && element.parentNode.id);

  const selected = (element) => {
    const selection = getSelection();
    return !selection.isCollapsed && (element.contains(selection.anchorNode) || element.contains(selection.focusNode));
  };

  function replace(old, fresh) {
    for (const each of fresh.querySelectorAll("details")) each.open = document.getElementById(each.id)?.open ?? each.open;
    if (old.innerHTML === fresh.innerHTML || selected(old)) return; // who copies is let finish
    const focused = old.contains(document.activeElement) && target(document.activeElement);
    old.replaceChildren(...fresh.childNodes);
    if (!focused) return;
    [...old.querySelectorAll("a, summary")].find((each) => target(each) === focused)?.focus({ preventScroll: true });
  }

  function addFigures(page) {
    [...page.querySelectorAll("[data-charts]")].forEach((fresh, i) => {
      for (const figure of fresh.querySelectorAll("figure[data-chart]")) {
        if (!document.getElementById(figure.id)) groups[i]?.charts.append(figure);
      }
    });
  }

  async function page() {
    const response = await get(location.href, "text/html");
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (fresh.body.dataset.state !== state) return location.reload();
    for (const old of document.querySelectorAll("[data-live]")) {
      const newer = fresh.getElementById(old.id);
      if (newer) replace(old, newer);
    }
    addFigures(fresh);
  }

  async function numbers(group) {
    if (Date.now() - group.at < group.step * 1000 - 1000) return;
    const response = await get(group.charts.dataset.charts, "application/json");
    const found = await response.json();
    if (!response.ok) throw new Error(found.error);
    group.step = found.step;
    group.at = Date.now();
    unhurriedCharts.all(group.charts, found);
  }

  async function all() {
    for (const group of groups) await numbers(group);
  }

  async function update() {
    if (paused || document.hidden) return;
    try {
      await page();
      await all();
      updated = new Date();
      say(`Updated ${clock(updated)}`);
    } catch (error) {
      say(`Not updated since ${clock(updated)}: ${error.message}`);
    }
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    if (paused) say(`Stands still since ${clock(updated)}`); else update();
  });
  document.addEventListener("visibilitychange", update);
  setInterval(update, EVERY);
  say(`Updated ${clock(updated)}`);
  all().catch((error) => say(`No charts: ${error.message}`));
})();
