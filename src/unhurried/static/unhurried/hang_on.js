// Asks the page's own URL how far the work is, and loads it again once there is a result.
"use strict";
(() => {
  const bar = document.getElementById("unhurried-progress");
  const text = document.getElementById("unhurried-message");
  let failures = 0;
  const next = () => setTimeout(ask, Math.min(400 * 2 ** failures, 10000));
  const show = (said) => {
    if (bar && said.total) {
      bar.max = said.total;
      bar.value = said.done;
    }
    if (text && text.textContent !== said.message) text.textContent = said.message;
  };
  async function ask() {
    try {
      const headers = { Accept: "application/json", "X-Unhurried-Poll": "1" };
      const answer = await fetch(location.href, { headers, cache: "no-store" });
      if (answer.status !== 202) {
        if (answer.ok || answer.status < 500) return location.reload();
        throw answer;
      }
      show(await answer.json());
      failures = 0;
    } catch {
      failures += 1;
    }
    next();
  }
  next();
})();
