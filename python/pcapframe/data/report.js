"use strict";

/* Tables: a click on a heading sorts by it, a second one the other way round; the field above keeps rows with a text. */
for (const table of document.querySelectorAll("div.table table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, at) => {
    const cell = row.cells[at];
    return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent;
  };
  const order = (one, other) =>
    typeof one === "number" && typeof other === "number"
      ? one - other
      : String(one).localeCompare(String(other), "en", { numeric: true });
  heads.forEach((head, at) => {
    head.firstElementChild.addEventListener("click", () => {
      const first = head.classList.contains("n") ? "descending" : "ascending";
      const before = head.getAttribute("aria-sort");
      const now = before === null ? first : before === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", now);
      const sign = now === "ascending" ? 1 : -1;
      body.append(...[...body.rows].sort((one, other) => sign * order(key(one, at), key(other, at))));
    });
  });
}
/* What is filtered is shown whole; without a filter a long table shows its first rows until all are asked for. */
const unfold = (button, all) => {
  document.getElementById(button.getAttribute("aria-controls")).classList.toggle("few", !all);
  button.setAttribute("aria-expanded", all);
  button.textContent = all ? "Show fewer rows" : button.dataset.more;
};
for (const button of document.querySelectorAll(".more")) {
  button.dataset.more = button.textContent;
  button.hidden = false;
  unfold(button, false);
  button.addEventListener("click", () => unfold(button, button.getAttribute("aria-expanded") !== "true"));
}
for (const field of document.querySelectorAll("input[type=search]")) {
  const table = document.getElementById(field.dataset.for);
  const more = document.querySelector(`.more[aria-controls="${field.dataset.for}"]`);
  field.addEventListener("input", () => {
    const text = field.value.toLowerCase();
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(text);
    const found = rows.filter((row) => !row.hidden).length;
    field.parentElement.querySelector("output").textContent = text ? `${found} of ${rows.length} rows` : "";
    if (more) {
      more.hidden = text !== "";
      table.classList.toggle("few", !text && more.getAttribute("aria-expanded") !== "true");
    }
  });
}
/* Only a table that is wider than the page needs the keyboard to be moved. */
const boxes = document.querySelectorAll("div.table");
const reach = () => {
  for (const box of boxes) box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1;
};
addEventListener("resize", reach);
reach();

/* The timeline: a range is marked with the pointer or the two handles, and what is in it is counted. */
const figure = document.getElementById("time");
if (figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const bins = data.labels.length - 1;
  const [from, to] = figure.querySelectorAll("input");
  const whole = figure.querySelector("button");
  const mark = figure.querySelector(".mark");
  const space = figure.querySelector(".catch");
  const rows = [...figure.querySelector(".legend").tBodies[0].rows];
  const size = (octets) => {
    for (const [unit, factor] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]])
      if (octets >= factor) return `${(octets / factor).toPrecision(3)} ${unit}`;
    return `${octets} octets`;
  };
  const show = (start, end) => {
    from.value = start;
    to.value = end;
    from.setAttribute("aria-valuetext", data.labels[start]);
    to.setAttribute("aria-valuetext", data.labels[end]);
    whole.hidden = start === 0 && end === bins;
    mark.setAttribute("x", start);
    mark.setAttribute("width", whole.hidden ? 0 : end - start);
    const sum = (list) => list.slice(start, end).reduce((one, other) => one + other, 0);
    let packets = 0;
    let octets = 0;
    data.series.forEach((each, at) => {
      const counted = [sum(each.packets), sum(each.octets)];
      packets += counted[0];
      octets += counted[1];
      rows[at].cells[1].textContent = counted[0].toLocaleString("en");
      rows[at].cells[2].textContent = size(counted[1]);
    });
    figure.querySelector("output").textContent =
      `${data.labels[start]} to ${data.labels[end]}: ${packets.toLocaleString("en")} packets, ${size(octets)}`;
  };
  from.addEventListener("input", () => show(Math.min(+from.value, +to.value - 1), +to.value));
  to.addEventListener("input", () => show(+from.value, Math.max(+to.value, +from.value + 1)));
  let begun = null;
  const bin = (event) => {
    const box = space.getBoundingClientRect();
    return Math.max(0, Math.min(bins - 1, Math.floor(((event.clientX - box.left) / box.width) * bins)));
  };
  const drag = (event) => show(Math.min(begun, bin(event)), Math.max(begun, bin(event)) + 1);
  space.addEventListener("pointerdown", (event) => {
    begun = bin(event);
    space.setPointerCapture(event.pointerId);
    drag(event);
  });
  space.addEventListener("pointermove", (event) => begun !== null && drag(event));
  for (const end of ["pointerup", "pointercancel"]) space.addEventListener(end, () => (begun = null));
  whole.addEventListener("click", () => {
    show(0, bins);
    from.focus();
  });
  space.addEventListener("dblclick", () => show(0, bins));
  show(0, bins);
}
