"use strict";
// What the page shows of a step is computed from all steps before it, so that any step can follow any other.
{
  const part = name => document.getElementById(`player-${name}`);
  const {steps, blank, schemes} = JSON.parse(document.getElementById("page-data").textContent);
  const last = steps.length - 1;
  const stage = part("stage"), slider = part("slider"), play = part("play"), root = document.documentElement;
  const lines = [...stage.querySelectorAll("[data-line]")];
  const roles = ["read", "write", "run", "flow"];
  const themes = Object.keys(schemes);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const pace = 1600; // milliseconds that a step is shown
  let now = 0, timer = 0;

  function show(step) {
    now = Math.max(0, Math.min(last, step));
    const {phase, text, note} = steps[now];
    const known = Object.assign({}, ...steps.slice(0, now + 1).map(one => one.lines));
    for (const line of lines) {
      const key = line.dataset.line;
      line.textContent = known[key] ?? blank[key];
      line.classList.toggle("unknown", !(key in known));
    }
    for (const role of roles) {
      for (const old of stage.querySelectorAll(`.${role}`)) old.classList.remove(role);
      for (const id of steps[now][role]) {
        for (const name of [id, `${id}-label`]) document.getElementById(name)?.classList.add(role);
      }
    }
    stage.dataset.phase = part("caption").dataset.phase = phase;
    part("where").textContent = now ? `step ${now} of ${last} · ${phase}` : `${last} steps`;
    part("text").textContent = text;
    part("note").textContent = note;
    part("count").textContent = `${now} / ${last}`;
    slider.value = now;
    slider.setAttribute("aria-valuetext", now ? `${now} of ${last}, ${phase}: ${text}` : `start: ${text}`);
    for (const name of ["first", "back"]) part(name).setAttribute("aria-disabled", now === 0);
    for (const name of ["on", "last"]) part(name).setAttribute("aria-disabled", now === last);
    part("list").querySelector("[aria-current]")?.removeAttribute("aria-current");
    part("list").querySelector(`[data-step="${now}"]`)?.setAttribute("aria-current", "step");
    follow();
  }

  // Of a picture larger than its frame, the part that the step is about; if that is too large, what changes.
  function follow() {
    const frame = stage.getBoundingClientRect();
    for (const selector of [".read, .write, .run", ".write, .run", ".write"]) {
      const boxes = [...stage.querySelectorAll(selector)].map(element => element.getBoundingClientRect());
      if (!boxes.length) return;
      const left = Math.min(...boxes.map(box => box.left)), right = Math.max(...boxes.map(box => box.right));
      const top = Math.min(...boxes.map(box => box.top)), bottom = Math.max(...boxes.map(box => box.bottom));
      const fits = right - left <= frame.width && bottom - top <= frame.height;
      if (!fits && selector !== ".write") continue;
      stage.scrollBy((left + right - frame.left - frame.right) / 2, (top + bottom - frame.top - frame.bottom) / 2);
      return;
    }
  }

  // --- Going from step to step. Only a step that was asked for is announced, and written into the address.

  function go(step) {
    stop();
    show(step);
    remember();
  }

  function tick() {
    if (now === last) return stop();
    show(now + 1);
    timer = setTimeout(tick, pace / part("speed").value);
  }

  function start() {
    part("live").setAttribute("aria-live", "off");
    play.classList.add("playing");
    play.setAttribute("aria-label", "Pause");
    if (now === last) show(0);
    timer = setTimeout(tick, pace / 2 / part("speed").value);
  }

  function stop() {
    clearTimeout(timer);
    timer = 0;
    part("live").setAttribute("aria-live", "polite");
    play.classList.remove("playing");
    play.setAttribute("aria-label", "Play");
  }

  const toggle = () => { if (timer) { stop(); remember(); } else start(); };

  // --- The address: #step=8&theme=dark.

  function remember() {
    const address = new URLSearchParams({step: now});
    if (root.dataset.theme) address.set("theme", root.dataset.theme);
    try {
      history.replaceState(null, "", `#${address}`);
    } catch { /* a notebook's frame has no address of its own */ }
  }

  function followAddress() {
    const address = new URLSearchParams(location.hash.slice(1));
    const theme = address.get("theme");
    if (themes.includes(theme)) root.dataset.theme = theme;
    stop();
    show(Number.parseInt(address.get("step") ?? now, 10) || 0);
  }

  // --- Controls.

  part("first").onclick = () => go(0);
  part("back").onclick = () => go(now - 1);
  part("on").onclick = () => go(now + 1);
  part("last").onclick = () => go(last);
  play.onclick = toggle;
  slider.oninput = () => go(Number(slider.value));
  part("theme").onclick = () => {
    const preferred = themes.find(theme => schemes[theme] === (dark.matches ? "dark" : "light"));
    const current = themes.indexOf(root.dataset.theme ?? preferred);
    root.dataset.theme = themes[(current + 1) % themes.length];
    remember();
  };
  part("list").onclick = event => {
    const link = event.target.closest("a");
    if (link) {
      event.preventDefault(); // in a notebook's frame the link would leave the page
      go(Number(link.parentNode.dataset.step));
    }
  };

  const keys = {
    ArrowLeft: () => go(now - 1),
    ArrowRight: () => go(now + 1),
    Home: () => go(0),
    End: () => go(last),
    " ": toggle,
  };
  document.onkeydown = event => {
    if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("select, input") && event.key !== " ") return; // which have these keys themselves
    if (event.target.matches("button, a, summary, select") && event.key === " ") return;
    event.preventDefault();
    keys[event.key]();
  };

  addEventListener("hashchange", followAddress);
  addEventListener("beforeprint", () => { part("list").open = true; });

  part("list").open = false;
  part("panel").hidden = false;
  followAddress();
}
