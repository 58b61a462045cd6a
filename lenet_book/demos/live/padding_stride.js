// Where the windows lie, what they leave out, and the formula with its numbers.
import { dropped, effectiveKernel, explain, outputSize } from "./arithmetic.js";
import { range, span } from "./numbers.js";
import { BLUE, GREEN, PALE, RED } from "./sheet.js";

const [SIDE, LEFT, RIGHT, TOP] = [330, 30, 470, 40]; // input and output, and where they begin

const limits = ({ n, k, p, s, d }) => ({ window: Math.max(outputSize(n, k, s, p, d) ** 2 - 1, 0) });

function compute({ n, k, p, s, d, window }) {
  const [m, reach] = [outputSize(n, k, s, p, d), effectiveKernel(k, d)];
  const first = Math.min(window, m ** 2 - 1);
  const unit = m ? [Math.floor(first / m), first % m] : [0, 0];
  const [rows, columns] = unit.map((u) => range(u * s - p, u * s - p + reach, d));
  const lost = m ? dropped(n, k, s, p, d) : 0;
  return { n, k, p, s, d, m, reach, lost, unit, rows, columns, formula: m ? explain(n, k, s, p, d) : "" };
}

function paint(sheet, facts) {
  const { n, p, m, lost, unit } = facts;
  const padded = n + 2 * p;
  const cell = SIDE / Math.max(padded, 8);
  sheet.title(LEFT, 20, `input ${n} × ${n}` + (p ? `, padding ${p}` : ""));
  sheet.fill(LEFT, TOP, cell * padded, cell * padded, PALE);
  sheet.fill(LEFT + cell * p, TOP + cell * p, cell * n, cell * n, "white");
  sheet.grid(LEFT, TOP, cell, padded, padded);
  for (const i of range(0, padded)) {
    for (const j of range(0, padded)) {
      if (Math.max(i, j) >= padded - lost) sheet.cross(LEFT + cell * j, TOP + cell * i, cell, RED);
    }
  }
  if (!m) {
    sheet.text(600, TOP + 30, "no output: the kernel does not fit", { size: 15, colour: RED, bold: true });
    return;
  }
  windows(sheet, facts, cell);
  const size = Math.min(cell, SIDE / m);
  sheet.title(RIGHT, 20, `output ${m} × ${m}`);
  sheet.grid(RIGHT, TOP, size, m, m);
  sheet.outline(RIGHT + size * unit[1], TOP + size * unit[0], size, size, { colour: BLUE, thickness: 3 });
  sheet.text(LEFT, 394, "floor((n + 2p − d(k − 1) − 1) / s) + 1", { size: 15, anchor: "lm" });
  sheet.title(LEFT, 420, facts.formula);
}

// The chosen window with the pixels it reads, and the next ones to the right and below.
function windows(sheet, { p, s, m, reach, unit: [row, column], rows, columns }, cell) {
  const [left, top] = [LEFT + cell * p, TOP + cell * p]; // of the input's first pixel
  const [x, y, side] = [left + cell * columns[0], top + cell * rows[0], cell * reach];
  if (column + 1 < m) sheet.outline(x + cell * s, y, side, side, { colour: RED, dash: true });
  if (row + 1 < m) sheet.outline(x, y + cell * s, side, side, { colour: GREEN, dash: true });
  for (const i of rows) {
    for (const j of columns) {
      sheet.fill(left + cell * (j + 0.3), top + cell * (i + 0.3), cell * 0.4, cell * 0.4, BLUE);
    }
  }
  sheet.outline(x, y, side, side, { colour: BLUE, thickness: 3 });
}

function say({ n, k, p, d, m, reach, unit, rows, columns, formula }) {
  if (!m) {
    const padded = n + 2 * p;
    return `A kernel of ${k} with dilation ${d} reaches across ${reach} pixels; the padded input has ` +
      `only ${n} + 2·${p} = ${padded}: ${padded} - ${reach} < 0, so there is no output. Make n or p ` +
      "larger, or k or d smaller.";
  }
  const outside = [];
  if (Math.min(rows[0], columns[0]) < 0) outside.push("below 0");
  if (Math.max(rows.at(-1), columns.at(-1)) >= n) outside.push(`above ${n - 1}`);
  const beyond = outside.length ? ` (what is ${outside.join(" or ")} lies in the padding)` : "";
  return `${formula}. Input ${n} × ${n}, output ${m} × ${m}; output (${unit.join(", ")}) reads ` +
    `${span("row", rows)} and ${span("column", columns)} of the input${beyond}.`;
}

export const padding_stride = { compute, paint, say, limits };
