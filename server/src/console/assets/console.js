// Keeps the console live: every few seconds asks for the page again and puts what differs in its place. Works as a page
// that is loaded by hand, or by itself, without this file.
"use strict";

const EVERY_MS = 2000;
const PATIENCE_MS = 8000;
const lost = document.getElementById("lost");
let answered = new Date();

/** Puts every live part of the new page where the old one is, if it differs: what is read or selected stays. */
function renew(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && fresh.outerHTML !== part.outerHTML) part.innerHTML = fresh.innerHTML;
  }
  document.title = page.title;
}

function show(isLost) {
  // Said once: screen readers read what changes.
  if (isLost && lost.hidden) document.getElementById("lost-since").textContent = answered.toLocaleTimeString();
  lost.hidden = !isLost;
  document.body.classList.toggle("lost", isLost);
}

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(answer.statusText);
    renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
    answered = new Date();
    show(false);
  } catch {
    show(true);
  }
}

async function keepRefreshing() {
  // Nobody looks at a page in the background.
  if (!document.hidden) await refresh();
  setTimeout(keepRefreshing, EVERY_MS);
}

setTimeout(keepRefreshing, EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
