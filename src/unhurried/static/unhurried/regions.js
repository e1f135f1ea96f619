"use strict";
/* What of this page is cacheable, drawn on it. The page is left alone: all of this lies in a shadow
   root beside its body, with style sheets of its own, so that the strictest policy allows it. */
(() => {
  const told = JSON.parse(document.getElementById("unhurried-regions-data").textContent);
  const WORDS = { green: "for everybody", amber: "per user or variant", red: "not cacheable" };
  const UNSEEN = new Set(["SCRIPT", "STYLE", "LINK", "META", "TEMPLATE", "NOSCRIPT", "TITLE", "HEAD"]);
  const SHEET = `
:host { all: initial; position: absolute; top: 0; left: 0; width: 0; height: 0; z-index: 2147483001; }
* { box-sizing: border-box; }
:host, button, a { font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
:host {
  --paper: #ffffff; --ink: #23262b; --quiet: #5f646d; --line: #d9d5cb; --link: #23558a;
  --green: #2c7a4b; --amber: #b06a00; --red: #b3322b; color: var(--ink);
}
@media (prefers-color-scheme: dark) {
  :host {
    --paper: #1c1f23; --ink: #e4e2dc; --quiet: #a5a8ae; --line: #3a3f46; --link: #8bb8e8;
    --green: #5cc386; --amber: #f0a63c; --red: #f0857c;
  }
}
.green { --own: var(--green); --style: solid; --width: 1px; }
.amber { --own: var(--amber); --style: dashed; --width: 2px; }
.red { --own: var(--red); --style: double; --width: 4px; }
/* On a page of any colour: between its light and its dark. */
.box.green { --own: #2f9a5c; }
.box.amber { --own: #cf7d00; }
.box.red { --own: #d6463c; }
.box {
  position: absolute; pointer-events: none; margin: 0; padding: 0; appearance: none;
  border: var(--width) var(--style) var(--own); border-radius: 3px;
  background: color-mix(in srgb, var(--own) 12%, transparent);
}
.box.green { background: color-mix(in srgb, var(--own) 4%, transparent); }
.box.on { background: color-mix(in srgb, var(--own) 26%, transparent); outline: 2px solid var(--own); }
.box:focus-visible { outline: 3px solid var(--own); outline-offset: 1px; }
.off .box { display: none; }
.tip {
  position: fixed; max-width: min(26rem, calc(100vw - 16px)); padding: 8px 12px; border-radius: 6px;
  background: var(--paper); border: 1px solid var(--line); border-left: 5px solid var(--own);
  box-shadow: 0 2px 10px rgb(0 0 0 / 30%); pointer-events: none; overflow-wrap: anywhere; z-index: 2;
}
.panel {
  position: fixed; right: 12px; bottom: 12px; width: 24rem; max-height: min(70vh, 40rem); overflow: auto;
  padding: 12px 16px; border-radius: 8px; background: var(--paper); border: 1px solid var(--line);
  box-shadow: 0 2px 14px rgb(0 0 0 / 35%); overflow-wrap: anywhere; z-index: 1;
}
@media (max-width: 40rem) { .panel { left: 8px; right: 8px; bottom: 8px; width: auto; max-height: 45vh; } }
.panel:focus-visible { outline: 2px solid var(--link); }
h2 { font: inherit; font-weight: 650; margin: 0 0 4px; }
p { margin: 0 0 6px; }
.quiet { color: var(--quiet); }
code { font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
.remedy { display: block; color: var(--green); }
details { margin: 6px 0; }
summary { cursor: pointer; color: var(--link); }
summary:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
ul { list-style: none; margin: 8px 0; padding: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 8px 0; }
.legend li { display: flex; align-items: center; gap: 6px; }
.key {
  width: 18px; height: 14px; border: var(--width) var(--style) var(--own); border-radius: 3px; flex: none;
  background: color-mix(in srgb, var(--own) 18%, transparent);
}
.places button {
  display: grid; grid-template-columns: auto 1fr; gap: 2px 8px; align-items: center; width: 100%;
  padding: 6px; border: 0; border-radius: 5px; background: none; color: inherit; text-align: left; cursor: pointer;
}
.places button span:last-child { grid-column: 2; }
.places button:hover, .places button.on { background: color-mix(in srgb, var(--own) 16%, transparent); }
.bar {
  display: flex; gap: 16px; align-items: center; position: sticky; bottom: -12px; margin: 0 -16px -12px;
  padding: 8px 16px 12px; border-top: 1px solid var(--line); background: var(--paper);
}
.bar button { padding: 0; border: 0; background: none; color: var(--link); cursor: pointer; text-decoration: underline; }
a { color: var(--link); }
button:focus-visible, a:focus-visible { outline: 2px solid var(--own, var(--link)); outline-offset: 1px; }
@media print { :host { display: none; } }`;

  const host = document.createElement("unhurried-regions");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  root.adoptedStyleSheets = [sheet];

  function make(name, own = {}, ...inside) {
    const made = Object.assign(document.createElement(name), own);
    made.append(...inside);
    return made;
  }

  /* Each region lies between two comments: <!--u:7--> and <!--/u:7-->. No other begins so. */
  function find() {
    const ours = new RegExp(`^(/?)${told.mark}:(\\d+)$`);
    const walker = document.createTreeWalker(document, NodeFilter.SHOW_COMMENT);
    while (walker.nextNode()) {
      const found = ours.exec(walker.currentNode.data);
      const region = found && told.regions[found[2]];
      if (region) region[found[1] ? "end" : "start"] = walker.currentNode;
    }
  }

  /* The next in the page that is not inside of this one. */
  function beyond(node) {
    while (node && !node.nextSibling) node = node.parentNode;
    return node && node.nextSibling;
  }

  /* The largest elements between two comments that end before the second, and text that is bare. */
  function between(start, end) {
    const found = [];
    let node = beyond(start);
    while (node && node !== end) {
      const holds = node.contains(end);
      const whole = !holds && node.nodeType === Node.ELEMENT_NODE && seen(node);
      if (whole || (node.nodeType === Node.TEXT_NODE && node.data.trim())) found.push(node);
      const enters = node.firstChild && (holds || !(whole || UNSEEN.has(node.nodeName) || node === host));
      node = enters ? node.firstChild : beyond(node);
    }
    return found;
  }

  const seen = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0 && !UNSEEN.has(element.nodeName) && element !== host;
  };

  /* Of a region that is a part of a tag, its element. */
  function elementOf(region) {
    let next = region.start.nextSibling;
    if (next === region.end) return [];
    while (next && next.nodeType !== Node.ELEMENT_NODE) next = next.nextSibling;
    return next && !UNSEEN.has(next.nodeName) ? [next] : [];
  }

  function nodesOf(region) {
    if (!region.start || !region.end) return [];
    const found = between(region.start, region.end);
    return found.length || region.colour === "green" ? found : elementOf(region);
  }

  function rectsOf(node) {
    if (node.nodeType === Node.ELEMENT_NODE) return [node.getBoundingClientRect()];
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()];
  }

  const reading = ([name, line], places) => (places.some(([place]) => place === line) ? name : `${name} at ${line}`);
  function says(region) {
    const lines = region.places.map(([line, source]) => (source ? `${line}  ${source}` : line));
    const reads = region.reads.map((read) => reading(read, region.places));
    if (reads.length) lines.push(`reads ${reads.join(", ")}`);
    if (region.tables.length) lines.push(`tables: ${region.tables.join(", ")}`);
    return lines.length ? lines : ["reads nothing but its template"];
  }

  const layer = make("div");
  const tip = make("div", { className: "tip", hidden: true, ariaHidden: "true" });
  let shown = [], pinned = null, waiting = false;

  function draw() {
    waiting = false;
    const focused = root.activeElement?.dataset?.region;
    shown = [];
    for (const region of told.regions) {
      for (const rect of nodesOf(region).flatMap(rectsOf)) {
        if (rect.width && rect.height) shown.push({ region, rect });
      }
    }
    layer.replaceChildren(...shown.map(box));
    if (focused !== undefined) layer.querySelector(`button[data-region="${focused}"]`)?.focus({ preventScroll: true });
  }

  function box(each, number) {
    const first = shown.findIndex((other) => other.region === each.region) === number;
    const made = make(first ? "button" : "div", { className: `box ${each.region.colour}` });
    made.dataset.region = each.region.id;
    if (first) {
      made.type = "button";
      made.ariaLabel = `${WORDS[each.region.colour]}: ${says(each.region).join("; ")}`;
      made.addEventListener("focus", () => show(each.region, made.getBoundingClientRect()));
      made.addEventListener("blur", () => show(null));
    }
    const { left, top, width, height } = each.rect;
    Object.assign(made.style, { left: `${left + scrollX}px`, top: `${top + scrollY}px`, width: `${width}px`, height: `${height}px` });
    return made;
  }

  function later() {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  }

  function show(region, rect) {
    for (const each of root.querySelectorAll("[data-region]")) {
      each.classList.toggle("on", region !== null && each.dataset.region === String(region.id));
    }
    tip.hidden = region === null || !rect;
    if (tip.hidden) return;
    tip.className = `tip ${region.colour}`;
    tip.replaceChildren(make("h2", {}, WORDS[region.colour]), ...says(region).map((line) => make("p", {}, line)));
    const { width, height } = tip.getBoundingClientRect();
    const below = rect.bottom + 6 + height < innerHeight;
    tip.style.left = `${Math.max(8, Math.min(rect.left, innerWidth - width - 8))}px`;
    tip.style.top = `${below ? Math.max(8, rect.bottom + 6) : Math.max(8, rect.top - height - 6)}px`;
  }

  function at(event) {
    if (event.composedPath().includes(host)) return null;
    const { clientX: x, clientY: y } = event;
    const hit = shown.filter(({ rect }) => x >= rect.left && x <= rect.right && y >= rect.top && y <= rect.bottom);
    return hit.sort((a, b) => a.rect.width * a.rect.height - b.rect.width * b.rect.height)[0] || null;
  }

  /* One line for all that were made by the same line from the same. */
  function places() {
    const groups = new Map();
    for (const region of told.regions) {
      if (region.colour === "green" || !region.places.length) continue;
      const key = JSON.stringify([region.places.map(([line]) => line), region.reads.map(([name]) => name)]);
      groups.set(key, [...(groups.get(key) || []), region]);
    }
    return make("ul", { className: "places" }, ...[...groups.values()].map((group) => make("li", {}, place(group))));
  }

  function place([region, ...more]) {
    const lines = region.places.map(([line]) => line).join(", ") + (more.length ? `  \u00d7 ${more.length + 1}` : "");
    const made = make("button", { type: "button", className: region.colour },
      make("span", { className: "key" }), make("code", {}, lines),
      make("span", { className: "quiet" }, region.reads.map(([name]) => name).join(", ")));
    const box = () => shown.find((each) => each.region === region)?.rect;
    made.dataset.region = region.id;
    made.addEventListener("click", () => {
      const target = nodesOf(region)[0];
      const element = target && (target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement);
      element?.scrollIntoView({ block: "center" });
      requestAnimationFrame(() => { draw(); pinned = region; show(region, box()); });
    });
    made.addEventListener("focus", () => show(region, box()));
    made.addEventListener("blur", () => { if (pinned !== region) show(null); });
    return made;
  }

  function legend() {
    return make("ul", { className: "legend" }, ...Object.keys(WORDS).map((colour) => {
      const count = told.regions.filter((region) => region.colour === colour).length;
      return make("li", { className: colour }, make("span", { className: "key" }), `${count} ${WORDS[colour]}`);
    }));
  }

  function notes() {
    const { verdict, view } = told, found = [];
    const say = (...inside) => found.push(make("p", { className: "quiet" }, ...inside));
    if (view.reads.length) say(`The view reads ${view.reads.map(([name, line]) => `${name} at ${line}`).join(", ")}: all of the page may be made from that.`);
    if (view.tables.length) say(`The view reads the tables ${view.tables.join(", ")}.`);
    for (const gate of verdict.gates) say(`Before it: ${gate}.`);
    if (verdict.kept) say(verdict.kept);
    if (verdict.renewed.length && !verdict.kept) say(`Renewed when ${verdict.renewed.join(" or ")} changes.`);
    return found;
  }

  function panel() {
    const { verdict } = told;
    const hide = make("button", { type: "button", ariaPressed: "false" }, "Hide boxes");
    hide.addEventListener("click", () => {
      const off = layer.classList.toggle("off");
      hide.ariaPressed = String(off);
      hide.textContent = off ? "Show boxes" : "Hide boxes";
    });
    const remedies = verdict.remedy.map((line) => (/^[@{]/.test(line)
      ? make("code", { className: "remedy" }, `+ ${line}`) : make("p", {}, line)));
    const details = make("details", { open: innerWidth > 640 },
      make("summary", {}, "What was read, and where"), ...notes(), places());
    const made = make("section", { className: "panel", tabIndex: 0, ariaLabel: "What of this page is cacheable" },
      make("h2", {}, verdict.said[0].toUpperCase() + verdict.said.slice(1)), ...remedies, legend(), details,
      make("div", { className: "bar" }, hide, make("a", { href: told.back }, "Back to the page")));
    return made;
  }

  find();
  root.append(panel(), layer, tip);
  document.documentElement.append(host);
  draw();
  document.addEventListener("pointermove", (event) => {
    const found = at(event);
    if (found) show(found.region, found.rect); else if (!root.activeElement && !pinned) show(null);
  });
  document.addEventListener("click", (event) => {
    const found = at(event);
    if (event.composedPath().includes(host)) return;
    pinned = found && found.region;
    show(pinned, found?.rect);
    if (found && found.region.colour !== "green") { event.preventDefault(); event.stopPropagation(); }
  }, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { pinned = null; show(null); } });
  for (const name of ["resize", "load"]) addEventListener(name, later);
  addEventListener("scroll", later, true);
  new ResizeObserver(later).observe(document.body);
})();
