/* What this page view took in this browser, told once, when it is left or hidden. */
(() => {
  const doc = document, own = doc.currentScript?.dataset;
  const types = self.PerformanceObserver?.supportedEntryTypes;
  const [page] = performance.getEntriesByType?.("navigation") ?? [];
  if (!own?.to || !types || !page || self.unhurriedVitals || Math.random() >= (own.sample ?? 1)) return;
  self.unhurriedVitals = true;
  const LCP = "largest-contentful-paint", CLS = "layout-shift", inputs = new Map();
  let began, told, lcp, shift, first, last = -1e4, cls = types.includes(CLS) ? 0 : undefined;

  const see = (list) => list.forEach((entry) => {
    const { entryType: type, startTime: at, interactionId: id } = entry;
    if (type === LCP) lcp = at;
    if (id) inputs.set(id, Math.max(entry.duration, inputs.get(id) ?? 0));
    if (type !== CLS || entry.hadRecentInput) return;
    if (at > last + 1e3 || at > first + 5e3) [first, shift] = [at, 0];
    cls = Math.max(cls, shift += entry.value);
    last = at;
  });
  const watch = new PerformanceObserver((list) => see(list.getEntries()));
  const since = (at) => at ? Math.max(at - began, 0) : undefined;

  /* A page opened in the background is not told; one rendered ahead begins when it is shown. */
  function start() {
    began = page.activationStart ?? 0;
    const states = performance.getEntriesByType("visibility-state");
    if (doc.hidden || states.some((e) => e.name === "hidden" && e.startTime >= began)) return;
    for (const type of ["event", "first-input", LCP, CLS].filter((each) => types.includes(each)))
      watch.observe({ type, buffered: true, durationThreshold: 40 });
    doc.addEventListener("visibilitychange", () => doc.hidden && tell());
    addEventListener("pagehide", tell);
  }

  function tell() {
    if (told) return;
    told = true;
    see(watch.takeRecords());
    watch.disconnect();
    const worst = [...inputs.values()].sort((a, b) => b - a);
    const body = JSON.stringify({
      v: 1, r: own.route, cls, lcp: since(lcp),
      inp: worst[Math.floor((performance.interactionCount ?? inputs.size) / 50)] ?? worst.pop(),
      ttfb: since(page.responseStart), response: since(page.responseEnd),
      dom: since(page.domContentLoadedEventEnd), load: since(page.loadEventEnd),
      server: page.serverTiming?.find((each) => each.name === "total")?.duration,
    }, (_, value) => value > 12e4 ? undefined : value);
    if (!navigator.sendBeacon?.(own.to, body))
      fetch(own.to, { method: "POST", body, keepalive: true }).catch(() => {});
  }

  if (doc.prerendering) doc.addEventListener("prerenderingchange", start, { once: true });
  else start();
})();
