/* A page that waits: asks its own URL how far it is, and loads it anew at the end. */
(() => {
  const find = (what) => document.querySelector(what);
  const bar = find("[data-hang-on] progress");
  const message = find("[data-message]");
  const note = find("[data-estimate]");
  const every = Number(find("[data-hang-on]")?.dataset.hangOn) || 500;
  let failures = 0, timer = 0;

  const show = (found) => {
    if (found.percent === null) bar?.removeAttribute("value");
    else bar?.setAttribute("value", found.percent);
    if (message && message.textContent !== found.message) message.textContent = found.message;
    if (note) note.hidden = !found.estimate;
  };

  const ask = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href, {
        cache: "no-store",
        credentials: "same-origin",
        headers: { Accept: "application/json", "X-Unhurried-Poll": "1" },
        redirect: "manual",
      });
      if (answer.status === 202) {
        show(await answer.json());
        failures = 0;
      } else if ([429, 502, 503, 504].includes(answer.status)) failures += 1;
      else return location.reload();
    } catch {
      failures += 1;
    }
    const pause = failures ? Math.min(every * 2 ** failures, 10000) : every;
    timer = setTimeout(ask, document.hidden ? Math.max(pause, 5000) : pause);
  };

  document.addEventListener("visibilitychange", () => document.hidden || ask());
  window.addEventListener("online", ask);
  timer = setTimeout(ask, every);
})();
