/* Keeps the page fresh without moving it: each [data-live] is replaced by its newer self. */
"use strict";

(() => {
  const EVERY = 10000;
  const state = document.body.dataset.state;
  const charts = document.querySelector("[data-charts]");
  const said = document.getElementById("said"), pause = document.getElementById("pause");
  let paused = false, step = 0, chartsAt = 0, updated = new Date();

  const clock = (date) => date.toTimeString().slice(0, 8);
  const say = (text) => { said.textContent = text; };
  if (state === "still") return say(`Asked at ${clock(updated)}`); // questions cost the database

  async function get(address, type) {
    const response = await fetch(address, { headers: { "X-Requested-With": "fetch" } });
    if (response.redirected) throw new Error("you are no longer logged in");
    if (!(response.headers.get("Content-Type") || "").startsWith(type)) throw new Error("the site answers " + response.status);
    return response;
  }

  function replace(old, fresh) {
    if (old.innerHTML === fresh.innerHTML) return;
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    old.replaceChildren(...fresh.childNodes);
    if (focused === null) return;
    [...old.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused)?.focus({ preventScroll: true });
  }

  function addFigures(page) {
    for (const figure of page.querySelectorAll("figure[data-chart]")) {
      if (!document.getElementById(figure.id)) charts.append(figure);
    }
  }

  async function page() {
    const response = await get(location.href, "text/html");
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (fresh.body.dataset.state !== state) return location.reload();
    for (const old of document.querySelectorAll("[data-live]")) {
      const newer = fresh.getElementById(old.id);
      if (newer) replace(old, newer);
    }
    if (charts) addFigures(fresh);
  }

  async function numbers() {
    if (!charts || Date.now() - chartsAt < step * 1000 - 1000) return;
    const response = await get(charts.dataset.charts, "application/json");
    const found = await response.json();
    if (!response.ok) throw new Error(found.error);
    step = found.step;
    chartsAt = Date.now();
    unhurriedCharts.all(found);
  }

  async function update() {
    if (paused || document.hidden) return;
    try {
      await page();
      await numbers();
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
  numbers().catch((error) => say(`No charts: ${error.message}`));
})();
