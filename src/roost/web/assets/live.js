// What is live on the pages: streams that go on from the last number they had, the fleet's table, ages.
"use strict";

const link = document.getElementById("link");
function say(text, lost) {
  if (link.textContent !== text) link.textContent = text;
  link.classList.toggle("lost", lost);
}

// Why there is no stream, which an EventSource does not tell.
const OUT = "Sign in again: `roost web` prints an address that works once.";
async function why(address) {
  const { status } = await fetch(address, { method: "HEAD" }).catch(() => ({}));
  if (status === 401) return OUT;
  if (status === 409) return "Too many terminals are watched; close some of the pages. This one tries again by itself.";
  if (status === 503) return "Too many pages are open; close some. This one tries again by itself.";
  return "The page has lost roost web; it tries again by itself.";
}

// A stream is closed while nobody looks at the page: browsers open few connections to one host.
function listen(address, after, handlers) {
  let source = null, wait = 250, timer = 0;
  function open() {
    clearTimeout(timer);
    if (source || document.hidden) return;
    source = new EventSource(`${address}${address.includes("?") ? "&" : "?"}after=${encodeURIComponent(after)}`);
    for (const [kind, handle] of Object.entries({ asked: counted, ...handlers })) {
      source.addEventListener(kind, (event) => {
        wait = 250;
        if (event.lastEventId) after = event.lastEventId;
        handle(event.data);
      });
    }
    source.addEventListener("error", async () => {
      close();
      const words = await why(address);
      if (source) return;
      say(words, true);
      if (words === OUT) return;
      clearTimeout(timer);
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, 5000);
    });
  }
  function close() {
    if (source) source.close();
    source = null;
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

function told(trouble) {
  if (trouble) say(`Not live: ${trouble}`, true);
  else say("Live", false);
}

function piece(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

// ages

const UNITS = [["d", 86400], ["h", 3600], ["m", 60]];
function age(at) {
  const seconds = Math.max((Date.now() - Date.parse(at)) / 1000, 0);
  for (const [unit, size] of UNITS) if (seconds >= 2 * size) return `${Math.round(seconds / size)}${unit}`;
  return `${Math.round(seconds)}s`;
}
function ages() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-age]")) {
    const text = age(time.dateTime);
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(ages, 5000);
document.addEventListener("visibilitychange", ages);

// questions: how many there are, on every page; the list, where each stays in its place while somebody reads,
// types or answers, and what it came to stands where it stood

const box = document.querySelector("[data-questions]"), typed = new Map(), INERT = 500;
function counted(data) {
  const { mark, count } = JSON.parse(data), badge = document.getElementById("asked"), before = Number(badge.textContent);
  const text = count ? String(count) : "";
  if (badge.textContent !== text) badge.textContent = text;
  if (count > before) document.getElementById("asking").textContent = count > 1 ? `${count} questions wait` : "A question waits";
  if (box && box.dataset.mark !== mark) asked(mark);
}
let asking = false, again = "";
async function asked(mark) {
  again = mark;
  if (asking) return;
  asking = true;
  try {
    while (again) {
      const wanted = again, peer = encodeURIComponent(box.dataset.questions);
      again = "";
      const shown = [...box.children].filter((each) => each.dataset.state !== "over").map((each) => each.id.slice(9));
      const answer = await fetch(`/questions?peer=${peer}&shown=${shown}`, { headers: { "HX-Request": "true" } });
      if (!answer.ok) return;
      const template = document.createElement("template");
      template.innerHTML = await answer.text();
      for (const each of [...template.content.children]) question(each);
      box.dataset.mark = wanted;
    }
  } catch { // the stream tells again once it is back
  } finally {
    asking = false;
  }
}
function question(fresh) {
  const old = document.getElementById(fresh.id);
  if (old && old.dataset.state === fresh.dataset.state) return;
  htmx.process(fresh);
  const words = old?.querySelector("textarea")?.value, next = fresh.querySelector("textarea");
  if (words) typed.set(fresh.id, words);
  if (next) next.value = typed.get(fresh.id) ?? "";
  const fields = fresh.querySelector("fieldset");
  if (fields) {
    // A click or key that was meant for what stood here before decides nothing.
    fields.disabled = true;
    setTimeout(() => { fields.disabled = false; }, INERT);
  }
  if (!old) return box.append(fresh);
  const focused = old.contains(document.activeElement);
  if (!fields) fresh.style.minHeight = `${old.getBoundingClientRect().height}px`;
  old.replaceWith(fresh);
  if (focused) fresh.focus({ preventScroll: true });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) for (const each of document.querySelectorAll(".question.over")) each.remove();
});

// fleet

const fleet = document.getElementById("fleet");
if (fleet) {
  const body = fleet.tBodies[0], filter = document.getElementById("filter"), none = document.getElementById("none");
  const chips = [...document.querySelectorAll(".chip[data-state]")], hosts = document.getElementById("hosts"), states = chips.map((chip) => chip.dataset.state);
  const keys = {
    name: (row) => row.dataset.name,
    place: (row) => `${String.fromCharCode(65 + states.indexOf(row.dataset.state))} ${row.dataset.name}`,
    since: (row) => row.dataset.since,
    queued: (row) => row.dataset.queued.padStart(9, "0"),
  };
  const shows = (row) => {
    const state = chips.find((chip) => chip.getAttribute("aria-pressed") === "true");
    const host = hosts.querySelector("[aria-pressed=true]");
    const text = filter.value.trim().toLowerCase();
    return (!state || state.dataset.state === row.dataset.state) && (!host || host.dataset.host === row.dataset.host) && (!text || row.textContent.toLowerCase().includes(text));
  };
  const sift = () => {
    let seen = 0;
    for (const row of body.rows) seen += !(row.hidden = !shows(row));
    none.hidden = seen > 0;
  };
  filter.addEventListener("input", sift);
  const press = (chip, others) => {
    const on = chip.getAttribute("aria-pressed") !== "true";
    for (const other of others) other.setAttribute("aria-pressed", String(on && other === chip));
    sift();
  };
  for (const chip of chips) chip.addEventListener("click", () => press(chip, chips));
  hosts.addEventListener("click", (event) => {
    const chip = event.target.closest(".chip");
    if (chip) press(chip, hosts.querySelectorAll(".chip"));
  });
  let drawn = null;
  const put_hosts = (html) => {
    if (html === drawn) return;
    drawn = html;
    const named = (chip) => chip?.dataset.host ?? "", by = (name) => [...hosts.children].find((each) => named(each) === name);
    const pressed = named(hosts.querySelector("[aria-pressed=true]")), focused = named(document.activeElement.closest("#hosts .chip"));
    hosts.innerHTML = html;
    by(pressed)?.setAttribute("aria-pressed", "true");
    by(focused)?.focus({ preventScroll: true });
    sift();
  };
  for (const button of fleet.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      const head = button.closest("th"), down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of fleet.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
      const key = keys[button.dataset.sort];
      const rows = [...body.rows].sort((a, b) => down * (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
      body.append(...rows);
    });
  }
  const put = (name, html) => {
    const row = piece(`<table><tbody>${html}</tbody></table>`).querySelector("tr");
    const old = document.getElementById(row.id);
    if (!old) body.append(row);
    else {
      const focused = old.contains(document.activeElement);
      old.replaceWith(row);
      if (focused) row.querySelector("a").focus({ preventScroll: true });
    }
    row.hidden = !shows(row);
  };
  // Rows stay where they are until somebody sorts: nothing jumps under a finger.
  listen("/live/fleet", fleet.dataset.mark, {
    fleet: (data) => {
      const change = JSON.parse(data);
      told(change.trouble);
      put_hosts(change.hosts);
      for (const [name, html] of Object.entries(change.rows)) put(name, html);
      const gone = change.whole
        ? [...body.rows].map((row) => row.dataset.name).filter((name) => !(name in change.rows))
        : change.gone;
      for (const name of gone) document.getElementById(`peer-${name}`)?.remove();
      for (const chip of chips) {
        const count = chip.querySelector("b"), text = String(change.counts[chip.dataset.state] ?? 0);
        if (count.textContent !== text) count.textContent = text;
      }
      if (body.rows.length) none.hidden = [...body.rows].some((row) => !row.hidden);
    },
  });
}

// journal, and pages that are drawn again when it grows

const followed = document.querySelector("[data-journal]");
if (followed) {
  const journal = document.getElementById("journal"), peer = followed.dataset.peer;
  let timer = 0;
  const changed = () => {
    timer = timer || setTimeout(() => {
      timer = 0;
      document.body.dispatchEvent(new Event("roost:changed"));
    }, 100);
  };
  listen(`/live/journal${peer ? `?peer=${encodeURIComponent(peer)}` : ""}`, followed.dataset.journal, {
    link: (data) => told(JSON.parse(data)),
    reload: () => location.reload(),
    line: (data) => {
      if (!journal) return changed();
      const line = piece(data);
      if (!document.getElementById(line.id)) journal.prepend(line);
    },
  });
}

if (!fleet && !followed && document.getElementById("asked") && !document.getElementById("terminal")) listen("/live/questions", "", {});

if (document.querySelector("[hx-trigger*='roost:look']")) {
  setInterval(() => document.hidden || document.body.dispatchEvent(new Event("roost:look")), 2000);
}

// What a person has opened stays open when its part is drawn again.
let opened = [];
document.body.addEventListener("htmx:beforeSwap", () => {
  opened = [...document.querySelectorAll("details[open]")].map((each) => each.id);
});
document.body.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
});

// What was typed goes only once it was sent.
document.body.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest?.("#compose");
  if (form && event.detail.successful) form.querySelector("textarea").value = "";
});
document.body.addEventListener("htmx:sendError", () => {
  document.getElementById("said").textContent = "Nothing was sent: roost web does not answer.";
});
