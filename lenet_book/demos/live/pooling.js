// A digit and its shifted copy, each pooled: how much does the pooled map change?
import { dropped } from "./arithmetic.js";
import { digits, inked } from "./files.js";
import { moved, number, signed } from "./numbers.js";
import { BLUE, GREY, PALE, RED } from "./sheet.js";
import { avgPool, map, maxPool, part, reach, tensor } from "./tensor.js";

const [SUBSAMPLING, EVERY, NONE] = ["subsampling of 1998", "every s-th pixel", "no pooling"];
const KINDS = ["max", "average", SUBSAMPLING, EVERY, NONE];
const ORDINALS = ["", "second ", "third ", "fourth ", "fifth ", "sixth "];
const FIELD = 36; // height and width of the field in which a digit is shifted
const [SIDE, UPPER, LOWER] = [118, 24, 172]; // a map in the picture, and where the two rows begin
const [LEFT, MIDDLE, RIGHT, BARS] = [8, 146, 296, 436]; // where the four columns begin
const [FIRST, APART, BAR_LEFT, BAR] = [42, 32, 652, 126]; // bars: where, how far apart, how long
const FULL = 1.5; // the change at which a bar is full

function compute({ digit, kind, window: w, stride: s, right, down, coefficient: c, bias: b }) {
  const [coefficient, bias] = [c, b].map((value) => Math.round(100 * value) / 100); // 0 may be 1e-17
  const fields = threeFields(digit, right, down);
  const average = avgPool(fields, w, s);
  const pooled = {
    max: maxPool(fields, w, s), average, [EVERY]: maxPool(fields, 1, s), [NONE]: fields,
    [SUBSAMPLING]: map(average, (mean) => coefficient * w ** 2 * mean + bias),
  };
  const changes = Object.fromEntries(KINDS.map((name) => [name, change(pooled[name], 1)]));
  const [window, stride] = reads(kind, w, s);
  const whole = right % stride === 0 && down % stride === 0;
  return {
    digit, kind, chosenStride: s, window, stride, lost: dropped(FIELD, window, stride), right, down,
    coefficient, bias, fields, pooled: pooled[kind], changes, otherChange: change(pooled[kind], 2),
    wholePlaces: kind !== NONE && (right !== 0 || down !== 0) && whole,
  };
}

// The digit, its shifted copy, and the next digit. In double precision, as in Python, so that both
// round a change alike.
function threeFields(digit, right, down) {
  const ink = (i) => inked(digits("ten-digits")[i % 10].image, FIELD);
  const [still, other] = [ink(digit), ink(digit + 1)];
  const shifted = map(still, (_, i) => still.data[i - FIELD * down - right] ?? 0);
  const fields = tensor([3, FIELD, FIELD], new Float64Array(3 * FIELD ** 2));
  [still, shifted, other].forEach(({ data }, i) => fields.data.set(data, i * FIELD ** 2));
  return fields;
}

// The length of the difference from the first map as a share of its length; NaN if that is zero.
function change(maps, index) {
  const [before, after] = [part(maps, 0).data, part(maps, index).data];
  return length(after.map((value, i) => value - before[i])) / length(before);
}
const length = (values) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

// The window and the stride of this kind: only three of them have windows at all.
const reads = (kind, window, stride) =>
  ({ [EVERY]: [1, stride], [NONE]: [1, 1] })[kind] ?? [window, stride];

function paint(sheet, facts) {
  const [still, shifted] = [0, 1].map((i) => part(facts.pooled, i));
  const difference = map(shifted, (value, i) => value - still.data[i]);
  // From paper, 0, to ink, 1, where no number can be below 0.
  const most = facts.kind === SUBSAMPLING ? reach(still, shifted, difference) || 1 : null;
  const size = still.shape[0];
  for (const [i, top, title] of [[0, UPPER, `digit ${facts.digit}`], [1, LOWER, shift(facts)]]) {
    image(sheet, LEFT, top, title, part(facts.fields, i));
    image(sheet, MIDDLE, top, "", part(facts.pooled, i), most);
    windows(sheet, top, facts);
  }
  sheet.title(MIDDLE, 12, `${facts.kind === NONE ? "" : "pooled "}${size} × ${size}`);
  image(sheet, RIGHT, UPPER, "difference", difference, most ?? 1);
  ["orange: plus", "violet: minus", `full at ±${number(most ?? 1)}`, "grey: left out"].forEach((words, i) =>
    sheet.text(RIGHT, LOWER - 8 + 24 * i, words));
  sheet.title(BARS, 12, "relative change of the pooled map");
  KINDS.forEach((kind, i) =>
    bar(sheet, FIRST + APART * i, name(kind, facts), facts.changes[kind], kind === facts.kind));
  bar(sheet, 212, `with a ${(facts.digit + 1) % 10} in its place`, facts.otherChange);
  if (facts.kind === SUBSAMPLING) sheet.text(BARS, 248, `subsampling: ${formula(facts)}`);
  sheet.text(BARS, 280, "blue, orange: two windows, their numbers");
  sheet.answer(MIDDLE - 3, 2, RIGHT - MIDDLE - 6, 19); // how large the map is
  sheet.answer(RIGHT - 3, UPPER - 3, SIDE + 6, SIDE + 6);
  sheet.answer(BAR_LEFT - 6, FIRST - 16, 190, 202);
}

function image(sheet, left, top, title, values, most = null) {
  sheet.title(left, top - 12, title);
  sheet.image(values, left, top, SIDE, { reach: most, frame: true });
}

// Two windows in the middle and the number of each; grey is what no window reaches.
function windows(sheet, top, { pooled, window, stride, lost }) {
  const size = pooled.shape[1];
  const [pixel, cell, index] = [SIDE / FIELD, SIDE / size, Math.floor(size / 2)];
  sheet.fill(LEFT + pixel * (FIELD - lost), top, pixel * lost, SIDE, PALE, { answer: true });
  sheet.fill(LEFT, top + pixel * (FIELD - lost), SIDE, pixel * lost, PALE, { answer: true });
  const [side, step] = [pixel * window, pixel * stride];
  for (const [column, colour] of [[index + 1, RED], [index, BLUE]]) {
    for (const [x, y, width] of [[LEFT + step * column, top + step * index, side],
                                 [MIDDLE + cell * column, top + cell * index, cell]]) {
      sheet.outline(x - 1, y - 1, width + 2, width + 2, { colour });
    }
  }
}

function bar(sheet, middle, title, share, chosen = false) {
  const known = !Number.isNaN(share);
  sheet.text(BARS, middle, (chosen ? "▶ " : "") + title, { bold: chosen });
  sheet.bar(BAR_LEFT, middle - 9, BAR, 18, known ? share / FULL : 0, chosen ? BLUE : GREY);
  sheet.text(BAR_LEFT + BAR + 8, middle, known ? number(share) : "–", { bold: chosen });
}

// Into a bar: this kind. Into the lower field: the middle of the digit goes there, as far as it may.
function point(facts, x, y) {
  const kind = KINDS[Math.round((y - FIRST) / APART)];
  if (x > BARS) return kind ? { kind } : null;
  const [right, down] = [x - LEFT, y - LOWER].map((at) => Math.round((at / SIDE - 0.5) * FIELD));
  return Math.max(Math.abs(right), Math.abs(down)) <= FIELD / 2 ? { right, down } : null;
}

function say(facts) {
  const { digit, kind, window, stride, lost, pooled, changes, wholePlaces } = facts;
  if (Number.isNaN(changes[kind])) {
    return "Coefficient and bias are both 0, so that every pooled number is 0 and no change can be seen. " +
      "Move one of them.";
  }
  const size = pooled.shape[1];
  const windows = `, ${window} × ${window}, stride ${stride}`;
  const title = {
    max: `Max pooling${windows}`, average: `Average pooling${windows}`,
    [SUBSAMPLING]: `Subsampling, ${formula(facts)}${windows}`,
    [EVERY]: name(kind, facts).replace("e", "E"), [NONE]: "No pooling",
  }[kind];
  const rows = lost === 1 ? "row and column" : `${lost} rows and columns`;
  const leftOut = lost ? `; the last ${rows} left out` : "";
  const without = kind === NONE ? "" : `, without pooling ${number(changes[NONE])}`;
  const same = wholePlaces ? " The same numbers, moved by whole places." : "";
  const becomes = size === FIELD ? "stays" : "becomes";
  return `${title}: ${FIELD} × ${FIELD} ${becomes} ${size} × ${size}${leftOut}. With the ${digit} ` +
    `${shift(facts)}, the difference is ${number(changes[kind])} times as large as the map${without}.${same}`;
}

const name = (kind, { chosenStride }) =>
  kind === EVERY ? `every ${ORDINALS[chosenStride - 1]}pixel` : kind;

// What the subsampling makes of a window.
const formula = ({ coefficient, bias }) => `sum × ${number(coefficient)} ${signed(bias)}`;

const shift = ({ right, down }) => `moved ${moved(right, down) || "by 0 pixels"}`;

export const pooling = { compute, paint, say, point };
