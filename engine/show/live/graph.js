// A recorded graph, run again on other numbers. It knows no operation: a rule is a list of steps over the names
// of a number system, as engine/show/live/rules.py writes it.

// The function from operands to the value and the partials.
function runnable({steps, out, partials}, m) {
  const program = steps.map(([name, ...places]) => {
    if (name === "number") return () => Number(places[0]);
    if (name === "item") return r => r[places[0]][places[1]];
    const f = m[name];
    if (places.length === 1 && !Array.isArray(places[0])) return r => f(r[places[0]]);
    return r => f(...places.map(place => Array.isArray(place) ? place.map(i => r[i]) : r[place]));
  });
  return x => {
    const r = [...x];
    for (const step of program) r.push(step(r));
    return [r[out], partials.map(place => r[place])];
  };
}

// The function from the numbers of leaves, by node, to what the graph gives: the data and the derivative of the
// output (the last node) by each node, the partials on its edges, and the first operation that failed.
function runnableGraph({nodes, rules}, m) {
  const run = rules.map(rule => runnable(rule, m));
  return leaves => {
    const data = [], partials = [];
    let failed = -1;
    nodes.forEach((node, i) => {
      if (!Array.isArray(node)) {
        data[i] = leaves[i] ?? Number(node);
        return;
      }
      const x = node.slice(1).map(parent => data[parent]);
      [data[i], partials[i]] = run[node[0]](x);
      if (failed < 0 && !Number.isFinite(data[i]) && x.every(Number.isFinite)) failed = i;
    });
    return {data, partials, failed, grad: adjoints(nodes, data, partials)};
  };
}

// The chain rule backwards, as in engine/backprop.py: a factor that is exactly 0 passes nothing on, and every
// derivative of a NaN is NaN.
function adjoints(nodes, data, partials) {
  const last = nodes.length - 1;
  if (Number.isNaN(data[last])) return data.map(() => NaN);
  const grad = data.map(() => 0);
  grad[last] = 1;
  for (let i = last; i >= 0; i -= 1) {
    if (grad[i] === 0 || !Array.isArray(nodes[i])) continue;
    nodes[i].slice(1).forEach((parent, place) => {
      if (partials[i][place] !== 0) grad[parent] += partials[i][place] * grad[i];
    });
  }
  return grad;
}
