// What a script adds: keys, times in the person's own zone, and pages that stay fresh. Every page works without it.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row]")];

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  all[next].focus();
}

const keys = {
  "/": () => document.querySelector("[data-search], input[type=search]")?.focus(),
  "?": () => document.getElementById("keys")?.showModal(),
  j: () => step(1),
  k: () => step(-1),
  n: () => document.querySelector("[data-next]")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
  if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});

function localTimes() {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of document.querySelectorAll("time[datetime]")) time.title = form.format(new Date(time.dateTime));
}

// A person is at it: the focus is in the page, some text is selected, a field is filled in, or details are open.
function isInUse(main) {
  const at = document.activeElement;
  const isTyped = (field) => field.value !== field.defaultValue;
  return (
    (at !== main && main.contains(at)) ||
    !getSelection().isCollapsed ||
    main.querySelector("details[open]") !== null ||
    [...main.querySelectorAll("input, textarea")].some(isTyped)
  );
}

// A page says in how many seconds it is fetched again; one that does not say so stays as it is. The server is told that
// no person asked: a session that only refreshes ends like an idle one.
async function refresh() {
  const main = document.querySelector("main[data-refresh]");
  if (main && !document.hidden && !isInUse(main)) {
    const answer = await fetch(location.href, { headers: { "X-Fetched-By-Itself": "1" } }).catch(() => null);
    if (answer?.redirected) return location.reload();
    if (answer?.ok) await show(main, answer);
    load();
  }
  refreshLater();
}

let timer;
function refreshLater() {
  clearTimeout(timer);
  const every = Number(document.querySelector("main[data-refresh]")?.dataset.refresh);
  if (every) timer = setTimeout(refresh, every * 1000);
}

async function show(main, answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (isInUse(main)) return;
  const fresh = page.querySelector("main");
  // What was done is said by the first page alone: it stays to be read.
  const said = main.querySelector("[data-said]");
  if (said?.childElementCount) fresh.querySelector("[data-said]")?.replaceWith(said);
  if (fresh.dataset.refresh) main.dataset.refresh = fresh.dataset.refresh;
  else delete main.dataset.refresh;
  main.replaceChildren(...fresh.childNodes);
  localTimes();
}

// What takes a moment, such as a look at VTEX, comes by itself. Without a script it is one click.
async function load() {
  const link = document.querySelector("a[data-load]");
  if (!link) return;
  const answer = await fetch(link.href).catch(() => null);
  if (answer?.ok && !answer.redirected && link.isConnected) await show(link.closest("main"), answer);
}

// On a phone the row of pages is longer than the screen: the page that is shown is in sight.
document.querySelector(".pages [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
localTimes();
refreshLater();
load();

// A note that was sent after the session's end stands in its form again after the sign-in. It never leaves the browser.
const goesTo = (form) => form.getAttribute("action"); // a button's name hides the property
document.addEventListener("submit", ({ target }) => {
  const note = target.elements.note?.value;
  if (note) sessionStorage.setItem("note", JSON.stringify({ action: goesTo(target), note }));
});

function bringNoteBack() {
  if (document.getElementById("token")) return sessionStorage.setItem("signs-in", "yes");
  const kept = JSON.parse(sessionStorage.getItem("note")), hasSignedIn = sessionStorage.getItem("signs-in");
  sessionStorage.removeItem("note");
  sessionStorage.removeItem("signs-in");
  const field = hasSignedIn && [...document.forms].find((form) => goesTo(form) === kept?.action)?.elements.note;
  if (field && !field.value) field.value = kept.note;
}
bringNoteBack();
