// The explorer: proven numbers of the grid's corners, an interpolated estimate, the map of what fails, the layers.
// figures/report/explorer.py does the same and says why the numbers are proven.
const explored = (() => {
  const grid = JSON.parse(document.getElementById("grid").textContent);
  const place = new Map();
  for (let i = 0; i < grid.steps; i++) for (let j = 0; i + j < grid.steps; j++) place.set(`${i},${j}`, place.size);
  const most = (grid.steps - 1) / grid.steps;
  const byId = (id) => document.getElementById(id);

  const easierOf = (falling, value) => falling.findLastIndex((x) => x >= value);
  const harderOf = (falling, value) => falling.findIndex((x) => x <= value);
  function below(rate) {
    let i = grid.steps - 1;
    while (i / grid.steps > rate) i--;
    return i;
  }
  function above(rate) {
    let i = 0;
    while (i < grid.steps && i / grid.steps < rate) i++;
    return i;
  }
  function weights(falling, value) {
    const left = Math.min(easierOf(falling, value), falling.length - 2);
    const part = Math.log(value / falling[left]) / Math.log(falling[left + 1] / falling[left]);
    return [[left, 1 - part], [left + 1, part]];
  }
  function corners(p, q) {
    const [i, j] = [below(p), below(q)];
    const [x, y] = [grid.steps * p - i, grid.steps * q - j];
    const found = x + y <= 1 || i + j + 2 >= grid.steps
      ? [[i, j, 1 - x - y], [i + 1, j, x], [i, j + 1, y]]
      : [[i + 1, j + 1, x + y - 1], [i, j + 1, 1 - x], [i + 1, j, 1 - y]];
    return found.filter(([a, b, weight]) => weight > 1e-9 && a + b < grid.steps);
  }
  function between(values, p, q, eps, delta, scaled) {
    let total = 0;
    for (const [i, j, weight] of corners(p, q))
      for (const [e, ofEps] of weights(grid.guessEps, eps))
        for (const [d, ofDelta] of weights(grid.guessDelta, delta)) {
          const value = values[place.get(`${i},${j}`)][e][d];
          const shown = scaled ? Math.log(value) + grid.power * Math.log(1 - (i + j) / grid.steps) : value;
          total += weight * ofEps * ofDelta * shown;
        }
    return scaled ? total - grid.power * Math.log(1 - (p + q)) : total;
  }

  // What the page shows at a point; null where it lies outside the grid.
  function look(p, q, eps, delta) {
    const inside = p >= 0 && q >= 0 && p + q <= most + 1e-9 &&
      eps >= grid.eps.at(-1) && eps <= grid.eps[0] && delta >= grid.delta.at(-1) && delta <= grid.delta[0];
    if (!inside) return null;
    const low = [below(p), below(q)];
    const high = [above(p), above(q)];
    const [e, d] = [easierOf(grid.eps, eps), easierOf(grid.delta, delta)];
    const [E, D] = [harderOf(grid.eps, eps), harderOf(grid.delta, delta)];
    const there = place.get(high.join(","));
    return {
      necessary: grid.necessary[place.get(low.join(","))][e][d],
      estimated: Math.round(Math.exp(between(grid.estimated, p, q, eps, delta, true))),
      sufficient: there === undefined ? null : grid.sufficient[there][E][D],
      easier: [low[0] / grid.steps, low[1] / grid.steps, grid.eps[e], grid.delta[d]],
      harder: there === undefined ? null : [high[0] / grid.steps, high[1] / grid.steps, grid.eps[E], grid.delta[D]],
      share: between(grid.share, p, q, eps, delta, false),
    };
  }

  // A rate may only grow until nothing but the least free share is left; eps and delta move by their logarithm.
  const names = ["p", "q", "eps", "delta"];
  const values = Object.fromEntries(names.map((name) => [name, Number(byId(`x-${name}`).value)]));
  const logarithmic = (name) => name === "eps" || name === "delta";
  const tidy = (value) => Number(value.toPrecision(3));
  const thousands = (n) => n.toLocaleString("en");

  function change(name, value) {
    const note = byId("x-note");
    note.textContent = "";
    if (!Number.isFinite(value)) return;
    const [least, largest] = logarithmic(name)
      ? [grid[name].at(-1), grid[name][0]]
      : [0, Math.max(0, tidy(most - values[name === "p" ? "q" : "p"]))];
    if (value < least || value > largest) note.textContent = `Here ${name} must lie between ${least} and ${largest}.`;
    values[name] = Math.min(Math.max(value, least), largest);
    show();
  }

  function told([p, q, eps, delta]) {
    return `p = ${p}, q = ${q}, eps = ${eps}, delta = ${delta}`;
  }

  function show() {
    for (const name of names) {
      const [slider, field] = [byId(`x-${name}-slider`), byId(`x-${name}`)];
      slider.value = logarithmic(name) ? Math.log10(values[name]) : values[name];
      slider.setAttribute("aria-valuetext", String(values[name]));
      if (field !== document.activeElement) field.value = values[name]; // not under the hands of who types
    }
    const { p, q, eps, delta } = values;
    const found = look(p, q, eps, delta);
    byId("x-necessary").textContent = thousands(found.necessary);
    byId("x-estimated").textContent = thousands(found.estimated);
    byId("x-sufficient").textContent = found.sufficient === null ? "–" : thousands(found.sufficient);
    const exact = found.harder !== null && told(found.easier) === told(found.harder);
    byId("x-where").textContent = exact
      ? "This is a point of the grid: both proven numbers are its own."
      : `Proven at the nearest grid points: necessary at the easier point ${told(found.easier)}; ` +
        (found.harder === null
          ? "the grid has no point that is harder in every way."
          : `sufficient at the harder point ${told(found.harder)}.`);
    byId("x-command").textContent = `slt n --prune ${p} --lock ${q} --eps ${eps} --delta ${delta}`;
    showMap();
    showLayers();
  }

  // The map over p and q: its cells are made once, and change with eps and delta.
  const cells = new Map();
  function makeMap() {
    const body = byId("x-map").tBodies[0];
    for (let j = grid.steps - 1; j >= 0; j--) {
      const row = body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = j / grid.steps;
      row.append(head);
      for (let i = 0; i < grid.steps; i++) {
        const cell = row.insertCell();
        if (i + j >= grid.steps) continue;
        cells.set(`${i},${j}`, cell);
        cell.addEventListener("click", () => {
          [values.p, values.q] = [i / grid.steps, j / grid.steps];
          show();
        });
      }
    }
  }

  function showMap() {
    const { p, q, eps, delta } = values;
    const here = `${Math.round(p * grid.steps)},${Math.round(q * grid.steps)}`;
    for (const [key, cell] of cells) {
      const [i, j] = key.split(",").map((k) => Number(k) / grid.steps);
      const found = look(i, j, eps, delta);
      const kind = found.share < 1 / 3 ? "resolution" : found.share > 2 / 3 ? "reach" : "both";
      cell.className = kind;
      cell.textContent = found.estimated < 10000 ? found.estimated : `${Math.round(found.estimated / 1000)}k`;
      cell.title = `p = ${i}, q = ${j}: estimated n = ${found.estimated}; a lack of reach has ${Math.round(100 * found.share)} % of the failures`;
      if (key === here) cell.setAttribute("aria-current", "true");
      else cell.removeAttribute("aria-current");
    }
  }

  // The rates of each layer: those of theory/freezing.py, in the order of its functions.
  function capped(sizes, raw, density) {
    let edges = density * sizes.reduce((a, b) => a + b, 0);
    const densities = sizes.map(() => 1);
    const order = sizes.map((_, layer) => layer).sort((a, b) => raw[b] - raw[a]);
    let rest = order.reduce((total, layer) => total + sizes[layer] * raw[layer], 0);
    for (const [rank, layer] of order.entries()) {
      const e = edges / rest;
      if (e * raw[layer] < 1 - 1e-12) {
        for (const other of order.slice(rank)) densities[other] = Math.max(0, e * raw[other]);
        break;
      }
      edges -= sizes[layer];
      rest -= sizes[layer] * raw[layer];
    }
    return densities;
  }

  function layerRates(rule, shapes, p, q) {
    const sizes = shapes.map(([a, b]) => a * b);
    const raw = shapes.map(([a, b], layer) => (rule === "epl" ? 1 : a + b) / sizes[layer]);
    const kept = capped(sizes, raw, 1 - p);
    const free = capped(sizes, raw, 1 - (p + q));
    return kept.map((k, layer) => [1 - k, Math.max(k - free[layer], 0)]);
  }

  function positioned(F, k) {
    const p = Math.min(Math.max(k - (1 - F) / 2, 0), F);
    return [p, F - p];
  }

  const slack = 1e-6; // as in theory/freezing.py: rounding alone keeps a product below a whole number
  function network(text, F, k, rule) {
    const sizes = text.trim().split("-").map(Number);
    if (sizes.length < 2 || !sizes.every((size) => Number.isInteger(size) && size >= 1 && size <= 1e6))
      return { trouble: "Layer sizes are whole numbers from inputs to outputs, such as 784-500-10." };
    if (!(F >= 0 && F < 1)) return { trouble: "F must lie in [0, 1)." };
    if (!(k > 0 && k < 1)) return { trouble: "k must lie between 0 and 1." };
    const [p, q] = positioned(F, k);
    const shapes = sizes.slice(1).map((size, layer) => [size, sizes[layer]]);
    const layers = layerRates(rule, shapes, p, q).map(([lp, lq], layer) => {
      const weights = shapes[layer][0] * shapes[layer][1];
      const bits = weights - Math.floor(weights * lp + slack) - Math.floor(weights * lq + slack);
      return { weights, p: lp, q: lq, bits };
    });
    return { p, q, layers, reached: p < k && k < 1 - q };
  }

  function showLayers() {
    const found = network(byId("x-sizes").value, Number(byId("x-F").value), Number(byId("x-k").value), byId("x-rule").value);
    byId("x-network-note").textContent = found.trouble ?? "";
    byId("x-layers").hidden = byId("x-total").hidden = Boolean(found.trouble);
    if (found.trouble) return;
    const dense = look(0, 0, values.eps, values.delta).estimated;
    const rows = found.layers.map((layer, index) => {
      const there = look(layer.p, layer.q, values.eps, values.delta);
      return [
        index + 1, thousands(layer.weights), layer.p.toFixed(3), layer.q.toFixed(3), thousands(layer.bits),
        there ? thousands(there.estimated) : "–", there ? (there.estimated / dense).toFixed(2) : "–",
      ];
    });
    byId("x-layers").tBodies[0].replaceChildren(...rows.map((row) => {
      const line = document.createElement("tr");
      for (const text of row) line.insertCell().textContent = text;
      return line;
    }));
    const sum = (name) => found.layers.reduce((total, layer) => total + layer[name], 0);
    const [weights, bits] = [sum("weights"), sum("bits")];
    byId("x-total").textContent =
      `The network: p = ${found.p.toFixed(3)}, q = ${found.q.toFixed(3)}; tickets have sparsities from ${found.p.toFixed(3)} ` +
      `to ${(1 - found.q).toFixed(3)}${found.reached ? "" : ", which leave k out"}. The ticket has ${thousands(bits)} bits ` +
      `for ${thousands(weights)} weights, ${(32 * weights / bits).toFixed(1)} times fewer than trained weights of 32 bits.`;
  }

  makeMap();
  for (const name of names) {
    byId(`x-${name}`).addEventListener("input", (event) => change(name, event.target.valueAsNumber));
    byId(`x-${name}`).addEventListener("change", (event) => { event.target.value = values[name]; });
    byId(`x-${name}-slider`).addEventListener("input", (event) =>
      change(name, tidy(logarithmic(name) ? 10 ** event.target.valueAsNumber : event.target.valueAsNumber)));
  }
  for (const id of ["x-sizes", "x-F", "x-k", "x-rule"]) byId(id).addEventListener("input", showLayers);
  byId("explorer").hidden = false;
  show();
  return { look, network };
})();
