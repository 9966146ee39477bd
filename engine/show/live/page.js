// The page. Its state is the numbers of the leaves; all that it shows is drawn from them.
{
  const part = name => document.getElementById(`live-${name}`);
  const graph = JSON.parse(document.getElementById("page-data").textContent);
  const {nodes, rules, leaves, cards, edges, operations, schemes} = graph;
  const compute = runnableGraph(graph, numbers);
  const output = nodes.length - 1, root = document.documentElement, stage = part("stage"), run = part("run");
  const lines = new Map([...stage.querySelectorAll("[data-line]")].map(line => [line.dataset.line, line]));
  const themes = Object.keys(schemes);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const starts = leaves.map(leaf => Number(leaf.start));
  const rates = [-4, -3, -2, -1, 0].flatMap(power => [1, 2, 5].map(m => Number(`${m}e${power}`))); // of the slider
  const firstRate = 0.1;
  const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 100; // milliseconds to a step downhill
  let now = starts, rate = firstRate, frame = 0, timer = 0, saving = 0;

  const evaluate = at => compute(Object.fromEntries(leaves.map((leaf, i) => [leaf.node, at[i]])));

  // --- Drawing.

  function draw() {
    frame = 0;
    const {data, grad, partials, failed} = evaluate(now);
    const say = (line, text) => { if (line && line.textContent !== text) line.textContent = text; };
    for (const [id, node, place] of cards) {
      say(lines.get(`${id}/${place}`), `data ${written(data[node])}`);
      say(lines.get(`${id}/${place + 1}`), `grad ${written(grad[node])}`);
    }
    const flows = edges.map(([, node, place]) => {
      const partial = partials[node][place];
      return partial === 0 || grad[node] === 0 ? 0 : partial * grad[node];
    });
    const largest = Math.max(...flows.map(Math.abs).filter(Number.isFinite)) || 1;
    edges.forEach(([id, node, place], i) => {
      say(lines.get(`${id}/0`), `×${written(partials[node][place])}`);
      const edge = document.getElementById(id), share = Number.isFinite(flows[i]) ? Math.abs(flows[i]) / largest : 1;
      edge.classList.toggle("positive", flows[i] > 0);
      edge.classList.toggle("negative", flows[i] < 0);
      edge.querySelector("path").setAttribute("stroke-width", (0.6 + 4 * share).toFixed(2));
    });
    for (const [i, node] of operations) {
      document.getElementById(`o${i}`).classList.toggle("failed", node === failed);
    }
    say(part("output"), written(data[output]));
    say(part("failed"), failed < 0 ? "" : reason(failed, data));
    leaves.forEach((leaf, i) => drawLeaf(leaf, i, grad[leaf.node]));
    part("rate-shown").textContent = written(rate);
    part("rate").value = rates.findLastIndex(one => one <= rate * 1.2);
    part("rate").setAttribute("aria-valuetext", written(rate));
  }

  function drawLeaf(leaf, i, gradient) {
    const slider = part(`slider-${i}`), field = part(`number-${i}`), [low, high] = limitsOf(leaf, now[i]);
    Object.assign(slider, {min: low, max: high});
    slider.value = now[i];
    slider.setAttribute("aria-valuetext", `${written(now[i])}, gradient ${written(gradient)}`);
    if (document.activeElement !== field) field.value = Number.isFinite(now[i]) ? Number(now[i].toPrecision(6)) : "";
    part(`grad-${i}`).textContent = `grad ${written(gradient)}`;
  }

  function reason(node, data) {
    const {call, letters, domain} = rules[nodes[node][0]];
    const at = letters.map((letter, i) => `${letter} = ${written(data[nodes[node][i + 1]])}`).join(", ");
    return `${call} has no finite value at ${at}; it needs ${domain}.`;
  }

  // --- The numbers.

  // Where no limits were given, the slider reaches as far as its number needs.
  function limitsOf({limits, reach}, x) {
    if (limits) return limits;
    while (Number.isFinite(x) && Math.abs(x) > reach) reach = Math.min(2 * reach, Number.MAX_VALUE);
    return [-reach, reach];
  }

  const within = ({limits}, x) => limits ? Math.min(Math.max(x, limits[0]), limits[1]) : x;

  // The numbers after some of them were asked to change: a locked one stays, and so does one asked to be NaN.
  const moved = (from, changed) => from.map((x, i) =>
    leaves[i].locked || !Number.isFinite(changed[i]) ? x : within(leaves[i], changed[i]));

  const redraw = () => { frame ||= requestAnimationFrame(draw); };

  function set(changed) {
    now = moved(now, changed);
    redraw();
    clearTimeout(saving);
    saving = setTimeout(settle, 300);
  }

  // What is said and kept of numbers that have come to rest.
  function settle() {
    part("said").textContent = part("result").textContent;
    remember();
  }

  // A step of gradient descent. It returns whether a number moved.
  function downhill() {
    const {grad} = evaluate(now), before = now;
    set(leaves.map((leaf, i) => now[i] - rate * grad[leaf.node]));
    return now.some((x, i) => x !== before[i]);
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    run.textContent = "Run";
    run.setAttribute("aria-pressed", false);
  }

  function start() {
    timer = setInterval(() => { if (!downhill()) stop(); }, pace);
    run.textContent = "Stop";
    run.setAttribute("aria-pressed", true);
  }

  // --- The address: #w=0.5&b=1. Of options named as a leaf is, the leaf's number is meant.

  const keys = leaves.map(leaf => leaf.key);

  function remember() {
    const address = new URLSearchParams();
    leaves.forEach(({key}, i) => { if (now[i] !== starts[i]) address.append(key, now[i]); });
    const option = (name, value) => { if (value && !keys.includes(name)) address.append(name, value); };
    option("rate", rate === firstRate ? "" : rate);
    option("theme", root.dataset.theme);
    try {
      history.replaceState(null, "", `#${address}`);
    } catch { /* a notebook's frame has no address of its own */ }
  }

  function followAddress() {
    const address = new URLSearchParams(location.hash.slice(1));
    const option = name => keys.includes(name) ? null : address.get(name);
    const asked = Number(option("rate"));
    rate = asked > 0 && asked < Infinity ? asked : firstRate;
    if (themes.includes(option("theme"))) root.dataset.theme = option("theme");
    stop();
    now = moved(starts, keys.map(key => address.get(key)?.trim() ? Number(address.get(key)) : NaN));
    draw();
  }

  // --- Controls.

  part("leaves").oninput = event => {
    const changed = leaves.map(() => NaN);
    if (event.target.value.trim()) changed[event.target.dataset.leaf] = Number(event.target.value);
    set(changed);
  };
  part("leaves").addEventListener("focusout", redraw); // a field then shows the number that there is
  part("downhill").onclick = downhill;
  run.onclick = () => timer ? stop() : start();
  part("rate").oninput = () => { rate = rates[part("rate").value]; set([]); };
  part("reset").onclick = () => { stop(); rate = firstRate; set(starts); };
  part("theme").onclick = () => {
    const preferred = themes.find(theme => schemes[theme] === (dark.matches ? "dark" : "light"));
    const current = themes.indexOf(root.dataset.theme ?? preferred);
    root.dataset.theme = themes[(current + 1) % themes.length];
    remember();
  };

  addEventListener("hashchange", followAddress);
  part("panel").hidden = false;
  followAddress();
}
