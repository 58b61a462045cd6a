// Where the windows lie, what they leave out, and the formula with its numbers.
import { dropped, effectiveKernel, explain, outputSize } from "./arithmetic.js";
import { cellAt, pairs, range, span } from "./numbers.js";
import { BLUE, GREEN, INK, PALE, RED } from "./sheet.js";

const [LEFT, MIDDLE, RIGHT, TOP] = [14, 300, 524, 36]; // input, output and words, and where they begin
const [SIDE, OUTPUT] = [250, 196]; // the most that input and output may take

function limits({ n, k, p, s, d }) {
  const last = Math.max(outputSize(n, k, s, p, d) - 1, 0);
  return { row: last, column: last };
}

function compute({ n, k, p, s, d, row, column }) {
  const [m, reach] = [outputSize(n, k, s, p, d), effectiveKernel(k, d)];
  const unit = m ? [Math.min(row, m - 1), Math.min(column, m - 1)] : [0, 0];
  const [rows, columns] = unit.map((u) => range(u * s - p, u * s - p + reach, d));
  const lost = m ? dropped(n, k, s, p, d) : 0;
  return { n, k, p, s, d, m, reach, lost, unit, rows, columns, formula: m ? explain(n, k, s, p, d) : "" };
}

const cellOf = ({ n, p, reach }) => SIDE / Math.max(n + 2 * p, reach, 8);

function paint(sheet, facts) {
  const { n, p, m, lost, reach } = facts;
  const [padded, cell] = [n + 2 * p, cellOf(facts)];
  sheet.title(LEFT, 18, `input ${n} × ${n}` + (p ? `, padding ${p}` : ""));
  sheet.fill(LEFT, TOP, cell * padded, cell * padded, PALE);
  sheet.fill(LEFT + cell * p, TOP + cell * p, cell * n, cell * n, "white");
  sheet.grid(LEFT, TOP, cell, padded, padded);
  for (const [i, j] of pairs(range(0, padded), range(0, padded))) {
    if (Math.max(i, j) >= padded - lost) sheet.cross(LEFT + cell * j, TOP + cell * i, cell, RED, { answer: true });
  }
  words(sheet, facts);
  sheet.answer(MIDDLE - 4, 4, RIGHT + 312 - MIDDLE, 172);
  if (!m) {
    return sheet.outline(LEFT, TOP, cell * reach, cell * reach, { colour: RED, thickness: 3 });
  }
  windows(sheet, facts, cell);
  made(sheet, facts, Math.min(cell, OUTPUT / m));
}

// The chosen window with the pixels it reads, and the next ones to the right and below.
function windows(sheet, { p, s, m, reach, unit: [row, column], rows, columns }, cell) {
  const [left, top] = [LEFT + cell * p, TOP + cell * p]; // of the input's first pixel
  const [x, y, side] = [left + cell * columns[0], top + cell * rows[0], cell * reach];
  if (column + 1 < m) sheet.outline(x + cell * s, y, side, side, { colour: RED, dash: true });
  if (row + 1 < m) sheet.outline(x, y + cell * s, side, side, { colour: GREEN, dash: true });
  for (const [i, j] of pairs(rows, columns)) {
    sheet.fill(left + cell * (j + 0.3), top + cell * (i + 0.3), cell * 0.4, cell * 0.4, BLUE);
  }
  sheet.outline(x, y, side, side, { colour: BLUE, thickness: 3 });
}

// The outputs, those grey that are made before the chosen one.
function made(sheet, { m, unit: [row, column] }, cell) {
  sheet.title(MIDDLE, 18, `output ${m} × ${m}`);
  sheet.fill(MIDDLE, TOP, cell * m, cell * row, PALE);
  sheet.fill(MIDDLE, TOP + cell * row, cell * column, cell, PALE);
  sheet.grid(MIDDLE, TOP, cell, m, m);
  sheet.fill(MIDDLE + cell * column, TOP + cell * row, cell, cell, BLUE);
}

// The formula, a step a line, and what the marks mean.
function words(sheet, { n, k, p, s, d, m, reach }) {
  const room = n + 2 * p - reach;
  const lines = [
    ["a window reaches d(k − 1) + 1", `= ${d}·(${k} − 1) + 1 = ${reach}`],
    ["room for it n + 2p − reach", `= ${n} + 2·${p} − ${reach} = ${room}`.replace("-", "−")],
    room < 0 ? ["no output: it does not fit", ""]
      : ["outputs floor(room / s) + 1", `= floor(${room} / ${s}) + 1 = ${m}`]];
  lines.forEach(([name, numbers], i) => {
    const y = 18 + 52 * i;
    sheet.title(RIGHT, y, name, { colour: room < 0 && i === 2 ? RED : INK });
    sheet.text(RIGHT, y + 24, numbers);
  });
  sheet.fill(RIGHT, 186, 12, 12, BLUE);
  sheet.text(RIGHT + 24, 192, "read by the window");
  sheet.outline(RIGHT - 2, 208, 16, 16, { colour: RED, dash: true });
  sheet.outline(RIGHT + 18, 208, 16, 16, { colour: GREEN, dash: true });
  sheet.text(RIGHT + 44, 217, "the next, right and below");
  sheet.fill(RIGHT - 2, 234, 16, 16, PALE);
  sheet.text(RIGHT + 24, 242, "padding; outputs made before");
  sheet.cross(RIGHT - 2, 260, 16, RED);
  sheet.text(RIGHT + 24, 268, "past the last window");
}

// The window whose middle is nearest to a point of the input, or the output at a point.
function point(facts, x, y) {
  const { m, s, reach } = facts;
  const cell = cellOf(facts);
  if (!m) return null;
  if (x < MIDDLE - 10) {
    const [row, column] = [y - TOP, x - LEFT].map((at) => Math.round((at / cell - reach / 2) / s));
    return { row, column };
  }
  return cellAt(x - MIDDLE, y - TOP, Math.min(cell, OUTPUT / m), m);
}

function say({ n, k, p, d, m, reach, unit, rows, columns, formula }) {
  if (!m) {
    const padded = n + 2 * p;
    return `A kernel of ${k} with dilation ${d} reaches across ${reach} pixels; the padded input has ` +
      `only ${n} + 2·${p} = ${padded}: ${padded} − ${reach} < 0, so there is no output. Make n or p ` +
      "larger, or k or d smaller.";
  }
  const outside = [
    Math.min(rows[0], columns[0]) < 0 && "below 0", Math.max(rows.at(-1), columns.at(-1)) >= n && `above ${n - 1}`,
  ].filter(Boolean);
  const beyond = outside.length ? ` (what is ${outside.join(" or ")} lies in the padding)` : "";
  const said = `${formula.replaceAll("*", "·")}. Input ${n} × ${n}, output ${m} × ${m}; ` +
    `output (${unit.join(", ")}) reads ${span("row", rows)} and ${span("column", columns)} of the input${beyond}.`;
  return said.replaceAll("-", "−");
}

export const padding_stride = { compute, paint, say, limits, point };
