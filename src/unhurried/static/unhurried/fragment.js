/* <unhurried-fragment src>: fetches its content, at once or (loading="lazy") when it comes into
   view; asks again after 1, 2 and 4 s, then stays as it is, with a link to what is missing. */
const WAITS = [1000, 2000, 4000];

class UnhurriedFragment extends HTMLElement {
  connectedCallback() {
    if (this.begun) return;
    this.begun = true;
    if (this.getAttribute("loading") !== "lazy" || !("IntersectionObserver" in window)) {
      this.load(0);
      return;
    }
    const seen = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        seen.disconnect();
        this.load(0);
      }
    }, { rootMargin: "200px" });
    if (!this.firstElementChild && !this.textContent) this.style.display = "inline-block";
    seen.observe(this);
  }

  async load(tried) {
    try {
      const answer = await fetch(this.getAttribute("src"), { credentials: "same-origin" });
      if (answer.ok) this.fill(await answer.text());
      else this.fail(tried, answer.status < 500);
    } catch {
      this.fail(tried, false);
    }
  }

  fill(html) {
    this.innerHTML = html;
    this.done("loaded");
  }

  fail(tried, forGood) {
    if (!forGood && tried < WAITS.length) {
      setTimeout(() => this.load(tried + 1), WAITS[tried]);
      return;
    }
    const link = this.querySelector("noscript");
    if (link && !forGood) link.outerHTML = link.textContent;
    this.done("failed");
  }

  done(state) {
    this.removeAttribute("aria-busy");
    this.setAttribute("state", state);
    this.dispatchEvent(new CustomEvent(`fragment:${state}`, { bubbles: true }));
  }
}

if (!customElements.get("unhurried-fragment")) {
  customElements.define("unhurried-fragment", UnhurriedFragment);
}
