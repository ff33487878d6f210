// What somebody who uses a page sees and hears of it. Runs before the page's own scripts.

"use strict";
globalThis.eyes = (() => {
  /** What live regions have told, in order; errors that nobody caught. */
  const told = [];
  const problems = [];
  let unmet = "";
  addEventListener("error", ({ message }) => problems.push(message));
  addEventListener("unhandledrejection", ({ reason }) => problems.push(String(reason)));

  // A headless Firefox never gives its window the focus: keys reach the page and move the focus in it, but
  // the browser's own part, pressing a button and closing a dialog, is left out. So it is done here.
  addEventListener("keydown", ({ key, target, defaultPrevented }) => {
    if (document.hasFocus() || defaultPrevented) return;
    if ((key === "Enter" || key === " ") && target instanceof HTMLButtonElement) target.click();
    if (key === "Escape") document.querySelector("dialog[open]")?.close();
  });

  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });

  function name(element) {
    const labelled = element.getAttribute("aria-labelledby");
    if (labelled) return document.getElementById(labelled).textContent;
    const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent;
    return (label ?? element.textContent).trim();
  }

  const live = "[role=status], [role=alert], [role=log], [aria-live=polite]";
  const note = (records) => {
    for (const { target, addedNodes } of records) {
      const region = (target.nodeType === 1 ? target : target.parentElement)?.closest(live);
      if (!region) continue;
      told.push(...[...addedNodes].map(({ textContent }) => textContent.trim()).filter(Boolean));
    }
  };
  new MutationObserver(note).observe(document, { subtree: true, childList: true });

  return {
    told,
    problems,
    name,
    focused: () => name(document.activeElement),
    reads: (text) => document.body.innerText.includes(text),
    all: () => `${document.body.innerText}\n-- focus: ${name(document.activeElement)}\n-- told: ${told}\n-- ${problems}\n-- ${unmet}`,
    button: (wanted) => [...document.querySelectorAll("button")].find((each) => isSeen(each) && name(each) === wanted),
    tile: (wanted) => [...document.querySelectorAll("article")].find((each) => isSeen(each) && name(each) === wanted),
    /** Presses a button that can be seen; whether there is one. */
    press(wanted) {
      const button = this.button(wanted);
      button?.click();
      return Boolean(button);
    },
    /** Whether moving pictures are seen in a tile. */
    plays(wanted) {
      const video = this.tile(wanted)?.querySelector("video");
      return Boolean(video) && isSeen(video) && video.videoWidth > 0 && !video.paused && video.currentTime > 0;
    },
    /** The width of a tile in CSS pixels. */
    width(wanted) {
      return this.tile(wanted)?.getBoundingClientRect().width ?? 0;
    },
    /** Controls without a name, as markup. */
    nameless() {
      const controls = document.querySelectorAll("button, input, select, textarea, a, dialog, [role], section, aside");
      const without = (each) => isSeen(each) && !name(each) && !each.matches("[role=status], [aria-hidden=true]");
      return [...controls].filter(without).map((each) => each.outerHTML.slice(0, 200));
    },
    /** Looks for a second whether something is so. What asks about a thing that is not there yet is not met. */
    until(condition) {
      const end = performance.now() + 1000;
      const holds = () => {
        try {
          return Boolean(condition());
        } catch (error) {
          unmet = String(error);
          return false;
        }
      };
      return new Promise((resolve) => {
        const look = () => {
          const met = holds();
          if (met || performance.now() > end) resolve(met);
          else setTimeout(look, 25);
        };
        look();
      });
    },
  };
})();
