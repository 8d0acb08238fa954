"use strict";
// Filters, opens and copies; the page is whole without it.
(() => {
  const find = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Theme: what the system says, or what was chosen.
  const theme = find("theme");
  const themes = ["auto", "light", "dark"];
  const kept = () => { try { return localStorage.getItem("tryline-theme") || "auto"; } catch { return "auto"; } };
  const wear = (name) => {
    const known = themes.includes(name) ? name : "auto";
    if (known === "auto") delete root.dataset.theme; else root.dataset.theme = known;
    theme.textContent = "Theme: " + known;
  };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length];
    try { localStorage.setItem("tryline-theme", next); } catch { /* a page opened from a file may not store */ }
    wear(next);
  });
  wear(kept());

  // A link to something folded opens it.
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && find(id);
    if (!target) return;
    if (target.matches("article")) target.hidden = false;
    const own = target.matches("details") ? target : target.querySelector(":scope > details");
    for (let at = own || target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
    target.scrollIntoView();
    const focus = own && own.querySelector(":scope > summary");
    if (focus) focus.focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);

  // The evidence of later findings is packed, and unpacked when one of them is opened.
  const packs = new Map();
  const unpack = (part) => {
    if (!packs.has(part)) {
      const text = document.querySelector(`script[data-pack="${part}"]`).textContent.trim();
      const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      packs.set(part, new Response(stream).json());
    }
    return packs.get(part);
  };
  const fill = async (body) => {
    const { part, place } = body.dataset;
    delete body.dataset.part; // once
    try {
      body.innerHTML = (await unpack(part))[place]; // made by the same templates, everything foreign escaped
      dress(body);
    } catch { body.dataset.part = part; }
  };

  // Commands can be copied: the button is made when the finding is opened.
  const dress = (place) => {
    for (const box of place.querySelectorAll(".command:not([data-copy])")) {
      box.dataset.copy = "";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        const text = box.querySelector("code").textContent;
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(box.querySelector("code"));
          button.textContent = "Selected";
        }
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      box.append(button);
    }
  };
  document.addEventListener("toggle", (event) => {
    if (!event.target.open) return;
    const packed = event.target.querySelector(":scope > .body[data-part]");
    if (packed) fill(packed); else dress(event.target);
  }, true);

  // The filter.
  const form = find("filter");
  if (form) {
    const cards = [...document.querySelectorAll("article.finding")].map((card) => ({
      card, text: "", facts: card.dataset,
    }));
    const text = (one) => (one.text ||= one.card.querySelector("summary").textContent.toLowerCase());
    const query = find("query");
    const fields = [["severity", find("by-severity")], ["kind", find("by-kind")], ["outcome", find("by-outcome")],
      ["standing", find("by-standing")]].filter(([, field]) => field);
    const status = find("shown");
    const apply = () => {
      const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const one of cards) {
        const fits = fields.every(([name, field]) => !field.value || one.facts[name] === field.value)
          && words.every((word) => text(one).includes(word));
        one.card.hidden = !fits;
        count += fits;
      }
      status.textContent = count === cards.length ? "" : `${count} of ${cards.length} shown`;
    };
    let waiting = 0;
    const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(apply); };
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", soon);
    const unfold = find("unfold");
    unfold.addEventListener("click", () => {
      const open = unfold.textContent === "Open all";
      let left = 200; // of thousands, opening all would hold up the browser
      for (const { card } of cards) {
        if (card.hidden || (open && left-- <= 0)) continue;
        card.firstElementChild.open = open;
      }
      unfold.textContent = open ? "Close all" : "Open all";
    });

    // Keys: / searches, j and k go from finding to finding.
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const typing = event.target.matches("input, select, textarea");
      if (event.key === "Escape" && event.target === query) { query.value = ""; apply(); return; }
      if (typing) return;
      if (event.key === "/") { event.preventDefault(); query.focus(); return; }
      const step = { j: 1, k: -1 }[event.key];
      if (!step) return;
      const there = cards.filter(({ card }) => !card.hidden).map(({ card }) => card);
      const now = there.indexOf(document.activeElement.closest("article.finding"));
      const next = there[now < 0 ? (step > 0 ? 0 : there.length - 1) : now + step];
      if (next) next.querySelector("summary").focus();
    });
    if (cards.length === 1) cards[0].card.firstElementChild.open = true;
  }
  reveal();
})();
