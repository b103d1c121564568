// Keeps what is looked at fresh, and lets the keyboard do what the mouse does. Every page is whole
// without it.
"use strict";

(() => {
  const live = document.querySelector("[data-live]");

  // Something has changed somewhere: fetch this page again and put the new part in its place. At
  // most one a second, and not while somebody reads with the keyboard inside of it.
  if (live && "EventSource" in window) {
    const PAUSE_MS = 1000;
    let isWanted = false;
    let isBusy = false;

    const refresh = async () => {
      if (isBusy || document.hidden) {
        return;
      }
      isBusy = true;
      isWanted = false;
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (answer.ok && !answer.redirected) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = page.querySelector("[data-live]");
          const now = document.querySelector("[data-live]");
          if (fresh && now) {
            if (fresh.innerHTML === now.innerHTML) {
              now.dataset.live = fresh.dataset.live;
            } else {
              replace(now, fresh);
            }
          }
        }
      } catch {
        // The next change, or the next connection, tries again.
      }
      setTimeout(() => {
        isBusy = false;
        if (isWanted) {
          refresh();
        }
      }, PAUSE_MS);
    };

    const replace = (now, fresh) => {
      const focused = now.contains(document.activeElement) ? document.activeElement : null;
      const path = focused && focused.getAttribute("href");
      const isOpen = [...now.querySelectorAll("details")].map((each) => each.open);
      [...fresh.querySelectorAll("details")].forEach((each, at) => {
        each.open = isOpen[at] ?? each.open;
      });
      now.replaceChildren(...fresh.childNodes);
      now.dataset.live = fresh.dataset.live;
      if (path) {
        const again = [...now.querySelectorAll("a")].find((each) => each.getAttribute("href") === path);
        again?.focus({ preventScroll: true });
      }
    };

    // A browser has few connections to one host: only a page that is seen holds one.
    let changes = null;
    const listen = () => {
      if (changes || document.hidden) {
        return;
      }
      changes = new EventSource(`/live?after=${live.dataset.live}`);
      changes.addEventListener("message", () => {
        isWanted = true;
        refresh();
      });
    };
    const hush = () => {
      changes?.close();
      changes = null;
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));
    window.addEventListener("pagehide", hush);
    window.addEventListener("pageshow", listen);
    listen();
  }

  // "/" finds, "j" and "k" go through the rows, Enter follows as it always does.
  const rows = () => [...document.querySelectorAll("[data-rows] a.row")];
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "/") {
      document.querySelector(".find input")?.focus();
      event.preventDefault();
    } else if (event.key === "j" || event.key === "k") {
      const all = rows();
      const at = all.indexOf(document.activeElement);
      const next = event.key === "j" ? at + 1 : Math.max(at - 1, 0);
      all[Math.min(next, all.length - 1)]?.focus();
    }
  });
})();
