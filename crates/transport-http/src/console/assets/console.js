// Keeps a page up to date and lets the keyboard drive it. Pages work without it.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const language = document.documentElement.lang;

  // Times in the reader's zone; the exact one stays on hover.
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const units = language === "ru" ? ["д", "ч", "мин", "с"] : ["d", "h", "min", "s"];
  const span = (seconds) => {
    const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
    const first = parts.findIndex((part) => part > 0);
    if (first < 0) return `0 ${units[3]}`;
    const small = first < 3 && parts[first + 1] > 0 ? ` ${parts[first + 1]} ${units[first + 1]}` : "";
    return `${parts[first]} ${units[first]}${small}`;
  };
  const title = document.title;
  const show = (root) => {
    const waiting = Number($("[data-waiting]")?.dataset.waiting ?? 0);
    document.title = waiting ? `(${waiting}) ${title}` : title;
    // Days are read from today back.
    for (const drawing of all(".drawing", root)) drawing.scrollLeft = drawing.scrollWidth;
    for (const time of all("time[data-moment]", root)) time.textContent = moment.format(new Date(time.dateTime));
    count();
  };
  const seconds = (from, to) => Math.max(0, Math.floor((to - from) / 1000));
  const count = () => {
    for (const time of all("time[data-until]")) {
      const left = seconds(Date.now(), new Date(time.dateTime));
      time.textContent = left === 0 ? time.dataset.up : span(left);
      time.toggleAttribute("data-hurry", left < 300);
    }
    for (const time of all("time[data-since]")) time.textContent = time.dataset.since.replace("{}", span(seconds(new Date(time.dateTime), Date.now())));
  };
  setInterval(count, 1000);

  // Where this page is to be had: a refused command is answered on an address that can't be read again.
  const here = new URL(document.body.dataset.address ?? location.href, location.href);
  if (here.pathname + here.search !== location.pathname + location.search) history.replaceState(null, "", here.pathname + here.search);

  // What is live is read again and put in the place of what was there; where somebody types it waits until they are done.
  const live = $("#live");
  const typing = (part) => part.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]), textarea, select");
  // What a part says, without what only time changes.
  const said = (part) => {
    const copy = part.cloneNode(true);
    for (const time of all("time", copy)) { time.textContent = ""; time.removeAttribute("data-hurry"); }
    return copy.innerHTML;
  };
  const seen = new Map(all("[data-live]").map((part) => [part.dataset.live, said(part)]));
  let connected = false, current = true, over = false;
  const tell = () => {
    const state = over ? "out" : connected && current ? "on" : "off";
    live.dataset.state = state;
    if (live.textContent !== live.dataset[state]) live.textContent = live.dataset[state];
  };
  // However much happens, the page is read no more often than that: its reader has other pages, and decisions to send.
  const SHORTEST_MS = 500;
  let reading = false, wanted = false, timer = null, last = 0;
  // What to do with the place in the stream that a page read again brings along, where the one before was refused.
  let found = null;
  const refresh = (after = 0) => {
    wanted = true;
    const wait = Math.max(after, last + SHORTEST_MS - Date.now());
    if (reading || over || timer) return;
    if (wait > 0) timer = setTimeout(() => { timer = null; read(); }, wait); else read();
  };
  const read = async () => {
    [reading, wanted, last] = [true, false, Date.now()];
    let retry = 0;
    try {
      const response = await fetch(here, { headers: { accept: "text/html", "x-refresh": "1" }, redirect: "manual" });
      if (response.type === "opaqueredirect") over = true;
      else if (response.status === 429 || response.status >= 500) retry = 1000 * (Number(response.headers.get("retry-after")) || 2);
      else {
        const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
        replace(fresh);
        found?.(fresh.body.dataset.follows);
      }
    } catch { retry = 5000; }
    reading = false;
    current = !retry;
    tell();
    if (retry) refresh(retry); else if (wanted) refresh();
  };
  // What something is on a page that is read again: its place among its like, in the nearest thing that has a name.
  const named = (element) => {
    const home = element.closest("[id], [data-request], [data-row]") ?? document.body;
    const name = home.id || home.dataset.request || home.dataset.row;
    return `${name} ${element.localName} ${element.getAttribute("href") ?? ""} ${all(element.localName, home).indexOf(element)}`;
  };
  const again = (part, tag, name) => all(tag, part).find((element) => named(element) === name);
  const replace = (fresh) => {
    for (const part of all("[data-live]")) {
      const now = $(`[data-live="${part.dataset.live}"]`, fresh);
      if (!now || typing(part) || said(now) === seen.get(part.dataset.live)) continue;
      seen.set(part.dataset.live, said(now));
      const picked = new Set(all("input[name=id]:checked", part).map((box) => box.value));
      const chosen = $(".current", part), place = items().indexOf(chosen), id = chosen?.dataset.request;
      const open = all("details[open]", part).map(named);
      const focused = part.contains(document.activeElement) ? document.activeElement : null, focus = focused && named(focused);
      part.replaceChildren(...now.childNodes);
      if (now.dataset.waiting) part.dataset.waiting = now.dataset.waiting;
      for (const one of all("details", part)) if (open.includes(named(one))) one.open = true;
      for (const box of all("input[name=id]", part)) box.checked = picked.has(box.value);
      if (chosen) mark($(`[data-request="${CSS.escape(id)}"]`, part) ?? items()[Math.min(place, items().length - 1)]);
      if (focused) again(part, focused.localName, focus)?.focus({ preventScroll: true });
      offer(part);
      show(part);
      announce(part, now);
    }
    changed(fresh);
  };
  // For those who don't see it change.
  const announce = (part, now) => {
    if (!now.dataset.said || now.dataset.said === part.dataset.said) return;
    part.dataset.said = now.dataset.said;
    $("#news").textContent = now.dataset.said;
  };
  // A plan that is not the one on the screen, or a decision that is no longer asked for, is said, not slipped in: what was typed stays.
  const changed = (fresh) => {
    const shown = $("[data-digest]"), now = $("[data-digest]", fresh);
    if (!shown || !now || $("#changed")) return;
    const settled = "decidable" in shown.dataset && !("decidable" in now.dataset);
    const text = settled ? shown.dataset.over : shown.dataset.digest === now.dataset.digest ? null : shown.dataset.changed;
    if (!text) return;
    if (settled) for (const button of all(".decide button")) button.disabled = true;
    const notice = document.createElement("p");
    notice.id = "changed"; notice.className = "notice bad"; notice.setAttribute("role", "alert");
    const link = document.createElement("a");
    link.href = here.pathname; link.textContent = text;
    notice.append(link);
    shown.prepend(notice);
    notice.scrollIntoView({ block: "nearest" });
  };
  const follow = () => {
    let place = document.body.dataset.follows, stream = null;
    if (!place || !live) return;
    const connect = (on) => { connected = on; tell(); };
    const open = () => {
      if (over) return;
      stream = new EventSource(`/api/v1/stream?cursor=${encodeURIComponent(place)}`);
      const heard = (event) => { if (event.lastEventId) place = event.lastEventId; };
      stream.addEventListener("ready", (event) => { heard(event); connect(true); });
      stream.addEventListener("change", (event) => { heard(event); refresh(); });
      // The browser comes back by itself unless it was refused: then the page as a whole is read again, and goes on from where that was made.
      stream.addEventListener("error", () => {
        connect(false);
        if (stream?.readyState !== EventSource.CLOSED) return;
        stream = null;
        found = (fresh) => { found = null; place = fresh ?? place; if (!document.hidden && !stream) open(); };
        refresh(5000);
      });
    };
    // A page nobody looks at holds no connection.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) { stream?.close(); stream = null; connect(false); } else if (!stream) { refresh(); if (!found) open(); }
    });
    // Some things happen without an event: a run falls silent.
    setInterval(() => { if (stream) refresh(); }, 60000);
    document.addEventListener("focusout", (event) => { if (event.target.closest("[data-live]") && event.target.matches("input, textarea, select")) setTimeout(refresh); });
    addEventListener("pagehide", () => stream?.close());
    if (!document.hidden) open();
  };

  // Keys. None of them decides: they lead to the button, which Enter presses.
  const items = () => all("ul.requests > li");
  const mark = (item) => {
    for (const one of all(".current")) one.classList.remove("current");
    item?.classList.add("current");
  };
  const move = (by) => {
    const list = items();
    if (!list.length) return;
    const place = list.indexOf($(".current"));
    const item = list[Math.min(list.length - 1, Math.max(0, place < 0 ? 0 : place + by))];
    mark(item);
    $("a.title", item)?.focus();
    item.scrollIntoView({ block: "nearest" });
  };
  const lead = (key) => {
    const button = $(`[data-key="${key}"]`);
    if (button) { button.focus(); button.scrollIntoView({ block: "center" }); return; }
    const link = $(".current a.title");
    if (link) location.href = `${link.href}#decide`;
  };
  // The letter as it is written, or where another alphabet is written, the one on the same key.
  const letter = (event) => {
    if (event.key === "?") return "?";
    if (event.shiftKey) return "";
    return /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : event.code?.startsWith("Key") ? event.code[3].toLowerCase() : "";
  };
  const keys = $("#keys"), help = $("#show-keys");
  if (document.body.dataset.keys !== "off") {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
      if ($("dialog[open]")) return;
      const does = {
        j: () => move(1), k: () => move(-1), a: () => lead("a"), d: () => lead("d"),
        x: () => $(".current input[name=id]")?.click(), g: () => { location.href = "/"; }, "?": () => keys?.showModal(),
      }[letter(event)];
      if (does) { event.preventDefault(); does(); }
    });
  }
  document.addEventListener("focusin", (event) => { const item = event.target.closest("ul.requests > li"); if (item) mark(item); });
  if (help && keys) {
    help.hidden = false;
    help.addEventListener("click", () => keys.showModal());
  }
  // All of a section at once, as many as one decision takes.
  const offer = (root) => {
    for (const button of all("[data-all]", root)) {
      button.hidden = false;
      button.addEventListener("click", () => {
        const boxes = all("input[name=id]", button.closest("section")).slice(0, Number(button.dataset.all)), on = boxes.some((box) => !box.checked);
        for (const box of boxes) box.checked = on;
      });
    }
  };

  // What was typed survives a reload of the page, a refusal, and signing in again, until it has counted; for the one who typed it only.
  const mine = `keep:${document.body.dataset.who}:`;
  const kept = (begin) => Object.keys(sessionStorage).filter((key) => key.startsWith(begin));
  if (document.body.dataset.who) for (const key of kept("keep:")) if (!key.startsWith(mine)) sessionStorage.removeItem(key);
  for (const done of all("[data-done]")) for (const key of kept(mine + done.dataset.done)) sessionStorage.removeItem(key);
  for (const form of all("form[data-keep]")) {
    const about = all("input[name=id]", form).map((box) => box.value).join();
    const key = `${mine}${here.pathname}:${form.getAttribute("action")}:${about}`, field = $("textarea", form);
    if (!field) continue;
    if (!field.value) field.value = sessionStorage.getItem(key) ?? "";
    field.addEventListener("input", () => sessionStorage.setItem(key, field.value));
  }
  // Where no form is left for it, it is shown all the same.
  const typed = $("[data-typed][hidden]"), words = typed && kept(`${mine}${here.pathname}:`).map((key) => sessionStorage.getItem(key)).filter(Boolean).join("\n");
  if (words) {
    $("textarea", typed).value = words;
    typed.hidden = false;
  }
  // A form that is on its way says so, and is not sent twice.
  for (const form of all("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.hasAttribute("aria-busy")) { event.preventDefault(); return; }
      form.setAttribute("aria-busy", "true");
      // Whoever stopped it may send it again: what is sent twice counts once.
      setTimeout(() => form.removeAttribute("aria-busy"), 10000);
    });
  }
  addEventListener("pageshow", () => { for (const form of all("form[aria-busy]")) form.removeAttribute("aria-busy"); });

  // Speaking instead of typing. What was heard goes into the field, to be looked at: it counts when the form is sent. The button shows up
  // only where there is a microphone, and a browser that records.
  const kinds = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
  const dictate = async (box) => {
    const kind = window.MediaRecorder && kinds.find((one) => MediaRecorder.isTypeSupported(one));
    const devices = kind ? await navigator.mediaDevices?.enumerateDevices() : [];
    if (!devices?.some((one) => one.kind === "audioinput")) return;
    const words = JSON.parse(box.dataset.words);
    const [button, clock, status, error] = ["record", "clock", "status", "error"].map((part) => $(`#dictate-${part}`));
    const form = box.closest("form"), field = $(`#${CSS.escape(box.dataset.field)}`), proof = form.elements.transcript_proof;
    let recorder = null, heard = "";
    const state = (name, text = "") => {
      box.dataset.state = name;
      status.textContent = text;
      button.setAttribute("aria-pressed", String(name === "recording"));
      button.textContent = name === "recording" ? words.stop : words.record;
      // Disabled, it would lose the focus.
      button.setAttribute("aria-disabled", String(name === "working"));
      if (name !== "recording") clock.textContent = "";
    };
    const wrong = (text) => { state("idle"); error.className = "notice bad"; error.textContent = text; };
    const put = (told) => {
      // Spoken again it replaces what was heard before; what was typed stays, and both together were not spoken.
      const typed = field.value.trim() === heard ? "" : field.value.trim();
      field.value = typed ? `${typed} ${told.text}` : told.text;
      proof.value = typed ? "" : told.transcript_proof;
      heard = typed ? "" : told.text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      state("heard", words.heard);
      field.focus();
    };
    const send = async (recording) => {
      state("working", words.working);
      try {
        const headers = { accept: "application/json", "content-type": recording.type.split(";")[0], "x-csrf-token": form.elements.csrf_token?.value ?? "" };
        const response = await fetch(box.dataset.dictate, { method: "POST", headers, body: recording });
        const told = await response.json();
        if (response.ok) put(told); else wrong(words.codes[told.code] ?? words.failed);
      } catch { wrong(words.failed); }
    };
    const record = async () => {
      error.className = "";
      error.textContent = "";
      state("asking");
      let stream;
      try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { wrong(words.denied); return; }
      const parts = [], begun = Date.now();
      recorder = new MediaRecorder(stream, { mimeType: kind });
      const tick = setInterval(() => {
        const seconds = Math.floor((Date.now() - begun) / 1000);
        clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
        if (Date.now() - begun >= Number(box.dataset.mostMs) - 500) stop();
      }, 250);
      recorder.addEventListener("dataavailable", (event) => { if (event.data.size) parts.push(event.data); });
      recorder.addEventListener("stop", () => {
        clearInterval(tick);
        for (const track of stream.getTracks()) track.stop();
        recorder = null;
        send(new Blob(parts, { type: kind }));
      });
      recorder.start();
      state("recording", words.recording);
    };
    const stop = () => { if (recorder?.state === "recording") recorder.stop(); };
    button.addEventListener("click", () => {
      if (box.dataset.state === "recording") stop();
      else if (!["asking", "working"].includes(box.dataset.state)) record();
    });
    box.hidden = false;
  };
  for (const box of all("[data-dictate]")) dictate(box);

  offer(document);
  show(document);
  follow();
})();
