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
  const show = (root) => {
    for (const time of all("time[data-moment]", root)) time.textContent = moment.format(new Date(time.dateTime));
    count();
  };
  const count = () => {
    for (const time of all("time[data-until]")) {
      const left = Math.floor((new Date(time.dateTime) - Date.now()) / 1000);
      time.textContent = left <= 0 ? time.dataset.up : span(left);
      time.toggleAttribute("data-hurry", left < 300);
    }
  };
  setInterval(count, 1000);

  // What is live is read again and put in the place of what was there; what somebody is working in stays as it is.
  const busy = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
  let reading = null;
  let again = false;
  const refresh = async () => {
    if (reading) { again = true; return; }
    reading = fetch(location.href, { headers: { accept: "text/html" } });
    try {
      const response = await reading;
      if (response.ok || response.status < 500) replace(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch { /* The stream says when the server is back. */ } finally {
      reading = null;
    }
    if (again) { again = false; setTimeout(refresh, 200); }
  };
  const replace = (fresh) => {
    const picked = new Set(all("input[name=id]:checked").map((box) => box.value));
    const current = $(".current")?.dataset.request;
    for (const part of all("[data-live]")) {
      const now = $(`[data-live="${part.dataset.live}"]`, fresh);
      if (!now || busy(part) || now.innerHTML === part.dataset.seen) continue;
      const open = all("details", part).map((one) => one.open);
      const seen = now.innerHTML;
      part.replaceChildren(...now.childNodes);
      part.dataset.seen = seen;
      all("details", part).forEach((one, place) => { if (open[place]) one.open = true; });
      show(part);
    }
    for (const box of all("input[name=id]")) box.checked = picked.has(box.value);
    if (current) select($(`[data-request="${CSS.escape(current)}"]`));
    changed(fresh);
  };
  // A plan that is not the one on the screen is said, not slipped in: the form still carries what was seen.
  const changed = (fresh) => {
    const shown = $("[data-digest]"), now = $("[data-digest]", fresh);
    if (!shown || !now || shown.dataset.digest === now.dataset.digest || $("#plan-changed")) return;
    const notice = document.createElement("p");
    notice.id = "plan-changed"; notice.className = "notice bad"; notice.setAttribute("role", "alert");
    const link = document.createElement("a");
    link.href = location.pathname; link.textContent = shown.dataset.changed;
    notice.append(link);
    shown.prepend(notice);
    notice.scrollIntoView({ block: "nearest" });
  };
  const follow = () => {
    const place = document.body.dataset.follows, live = $("#live");
    if (!place || !live) return;
    let last = place, stream = null;
    const state = (on) => {
      const text = on ? live.dataset.on : live.dataset.off;
      live.dataset.state = on ? "on" : "off";
      if (live.textContent !== text) live.textContent = text;
    };
    const open = () => {
      stream = new EventSource(`/api/v1/stream?cursor=${encodeURIComponent(last)}`);
      const heard = (event) => { if (event.lastEventId) last = event.lastEventId; };
      stream.addEventListener("ready", (event) => { heard(event); state(true); });
      stream.addEventListener("change", (event) => { heard(event); refresh(); });
      // The browser comes back by itself unless it was refused: then the place is lost, and the page as a whole is read again.
      stream.addEventListener("error", () => { state(false); if (stream.readyState === EventSource.CLOSED) setTimeout(() => { if (!document.hidden) { refresh(); open(); } }, 5000); });
    };
    // A page nobody looks at holds no connection.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) { stream?.close(); stream = null; state(false); } else if (!stream) { refresh(); open(); }
    });
    addEventListener("pagehide", () => stream?.close());
    open();
  };

  // Keys. None of them decides: they lead to the button, which Enter presses.
  const items = () => all("ul.requests > li");
  const select = (item) => {
    for (const one of all(".current")) one.classList.remove("current");
    if (!item) return;
    item.classList.add("current");
    $("a.title", item)?.focus();
    item.scrollIntoView({ block: "nearest" });
  };
  const move = (by) => {
    const list = items();
    if (!list.length) return;
    const place = list.indexOf($(".current"));
    select(list[Math.min(list.length - 1, Math.max(0, place < 0 ? 0 : place + by))]);
  };
  const lead = (key) => {
    const button = $(`[data-key="${key}"]`);
    if (button) { button.focus(); button.scrollIntoView({ block: "center" }); return; }
    const link = $(".current a.title");
    if (link) location.href = `${link.href}#decide`;
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    if ($("dialog[open]")) return;
    const does = {
      j: () => move(1), k: () => move(-1), a: () => lead("a"), d: () => lead("d"),
      x: () => $(".current input[name=id]")?.click(), g: () => { location.href = "/"; }, "?": () => $("#keys")?.showModal(),
    }[event.key];
    if (does) { event.preventDefault(); does(); }
  });

  // What was typed survives a reload of the page, until it is sent.
  for (const form of all("form[data-keep]")) {
    const key = `keep:${location.pathname}:${form.getAttribute("action")}`;
    const field = $("textarea", form);
    if (!field) continue;
    if (!field.value) field.value = sessionStorage.getItem(key) ?? "";
    field.addEventListener("input", () => sessionStorage.setItem(key, field.value));
    form.addEventListener("submit", () => sessionStorage.removeItem(key));
  }

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

  show(document);
  follow();
})();
