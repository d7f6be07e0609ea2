"use strict";
// Shows the text of a data point: to whoever points at it, taps it, or goes to it by keyboard.
const box = document.getElementById("tip");
let shown = []; // the groups that the box speaks of

function show(points) {
  hide();
  shown = points.map((point) => point.group);
  shown.forEach((group) => group.classList.add("shown"));
  box.textContent = told(points);
  box.hidden = false;
  place();
}

function hide() {
  shown.forEach((group) => group.classList.remove("shown"));
  shown = [];
  box.hidden = true;
}

// Below the point or, where there is no room, above it; never beyond the window's edges.
function place() {
  if (!shown.length) return;
  const at = shown[0].getBoundingClientRect();
  const { width, height } = box.getBoundingClientRect();
  const left = Math.min(Math.max(at.left + at.width / 2 - width / 2, 8), document.documentElement.clientWidth - width - 8);
  const above = at.bottom + 8 + height > window.innerHeight && at.top - 8 - height >= 0;
  box.style.left = `${left}px`;
  box.style.top = `${above ? at.top - 8 - height : Math.min(at.bottom + 8, window.innerHeight - height)}px`;
}

// The texts of points that lie on each other, and at the end the commands, each once.
function told(points) {
  const parts = points.map((point) => point.text.split(/; (?=slt |python )/));
  return [...new Set([...parts.map((part) => part[0]), ...parts.flatMap((part) => part.slice(1))])].join("\n");
}

function prepare(svg) {
  const points = [...svg.querySelectorAll(".tip")].map((group) => {
    const use = group.querySelector("use");
    return { group, x: Number(use.getAttribute("x")), y: Number(use.getAttribute("y")), text: group.getAttribute("aria-label") };
  });
  if (!points.length) return;
  const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
  const together = (point) => [point, ...points.filter((other) => other !== point && apart(other, point) < 1)];
  const focused = () => points.find((point) => point.group === document.activeElement);

  // One stop for the Tab key in each figure; the arrow keys go on from there.
  const goTo = (point, options) => {
    points.forEach((other) => other.group.setAttribute("tabindex", other === point ? "0" : "-1"));
    if (options) point.group.focus(options);
  };
  goTo(points[0], null);

  // The nearest point answers, within reach of a cursor or, further, of a finger.
  const nearest = (event) => {
    const matrix = svg.getScreenCTM();
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    const reach = (event.pointerType === "mouse" ? 12 : 24) / matrix.a;
    const best = points.reduce((a, b) => (apart(b, at) < apart(a, at) ? b : a));
    return apart(best, at) <= reach ? best : undefined;
  };
  const rest = () => (focused() ? show(together(focused())) : hide());

  svg.addEventListener("pointermove", (event) => {
    const point = nearest(event);
    if (point) show(together(point));
    else rest();
  });
  svg.addEventListener("pointerleave", rest);
  svg.addEventListener("click", (event) => {
    const point = nearest(event);
    if (point) {
      goTo(point, { preventScroll: true });
      show(together(point));
    } else if (focused()) focused().group.blur();
  });
  svg.addEventListener("focusin", () => {
    const point = focused();
    if (point) show(together(point));
  });
  svg.addEventListener("focusout", hide);
  svg.addEventListener("keydown", (event) => {
    const here = points.indexOf(focused());
    const last = points.length - 1;
    const next = {
      ArrowRight: Math.min(here + 1, last), ArrowDown: Math.min(here + 1, last),
      ArrowLeft: Math.max(here - 1, 0), ArrowUp: Math.max(here - 1, 0),
      Home: 0, End: last,
    }[event.key];
    if (event.key === "Escape") hide();
    if (here < 0 || next === undefined) return;
    event.preventDefault();
    goTo(points[next], {});
  });
}

document.querySelectorAll("figure svg").forEach(prepare);
document.addEventListener("scroll", place, true);
window.addEventListener("resize", place);

// Tables of numbers are on paper even where they are folded on the screen.
const folded = [...document.querySelectorAll("details.numbers")].filter((each) => !each.open);
window.addEventListener("beforeprint", () => folded.forEach((each) => { each.open = true; }));
window.addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }));
