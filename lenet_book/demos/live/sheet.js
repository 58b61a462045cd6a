// The paper that a demo paints on, as ../sheet.py, whose docstrings say what each method does.
// Lengths are pixels of the page, x to the right and y down from the upper left corner.
import { rgb, SIGNED } from "./colours.js";
import { clamp, number } from "./numbers.js";
import { reach as reachOf } from "./tensor.js";

export const BLUE = "#0072B2";
export const ORANGE = "#E69F00";
export const GREEN = "#009E73";
export const PURPLE = "#CC79A7";
// These four, but paler.
export const TINTS = { [BLUE]: "#B8D5E8", [ORANGE]: "#F8E2B8", [GREEN]: "#B8E3D7", [PURPLE]: "#F1DCE7" };
export const RED = "#D55E00";
export const INK = "#222222";
export const PALE = "#D9D9D9";
export const GREY = "#999999"; // frames, and what stands back
const TYPE = 16; // of words
export const CENTRED = { anchor: "mm" }; // words whose middle is at a point, and not their beginning

// What a call need not say.
export const DEFAULTS = {
  text: { size: TYPE, colour: INK, anchor: "lm", bold: false },
  title: { size: TYPE, colour: INK },
  fill: { answer: false },
  outline: { colour: INK, thickness: 2, dash: false, answer: false },
  cross: { thickness: 1, answer: false },
  curve: { colour: INK, thickness: 2 },
  arrow: { colour: INK },
  image: { reach: null, frame: false },
  maps: { reach: null },
  numbers: { reach: null },
  grid: { colour: "#AAAAAA" },
};

const ALIGN = { lm: "left", mm: "center", rm: "right" };
const READ = { willReadFrequently: true }; // pixels by the thousand are put in
const FONT = '"DejaVu Sans", Verdana, system-ui, sans-serif';

// scale: pixels of the canvas for each pixel of the page; hidden: whether the answer is.
export function sheetOn(canvas, width, height, scale = 1, hidden = false) {
  const px = (length) => Math.round(length * scale);
  const corners = (x, y, width, height) => [px(x), px(y), px(x + width), px(y + height)];
  const answers = []; // x, y, width, height of each
  if (canvas.width !== px(width)) canvas.width = px(width);
  if (canvas.height !== px(height)) canvas.height = px(height);
  const pen = canvas.getContext("2d", READ);
  pen.imageSmoothingEnabled = false; // of what is drawn larger each pixel stays a square
  fill(0, 0, width, height, "white");

  function text(x, y, words, style = {}) {
    const { size, colour, anchor, bold } = { ...DEFAULTS.text, ...style };
    pen.font = `${bold ? "bold " : ""}${size * scale}px ${FONT}`;
    pen.fillStyle = colour;
    pen.textAlign = ALIGN[anchor];
    pen.textBaseline = "middle";
    pen.fillText(words, x * scale, y * scale);
  }

  const title = (x, y, words, style = {}) => text(x, y, words, { ...style, bold: true });

  function fill(x, y, width, height, colour, { answer } = DEFAULTS.fill) {
    if (answer && hidden) return;
    const [left, top, right, bottom] = corners(x, y, width, height);
    pen.fillStyle = colour;
    pen.fillRect(left, top, Math.max(right - left, 0), Math.max(bottom - top, 0));
  }

  function outline(x, y, width, height, style = {}) {
    const { colour, thickness, dash, answer } = { ...DEFAULTS.outline, ...style };
    if (answer && hidden) return;
    const [left, top, right, bottom] = corners(x, y, width, height);
    const thick = Math.max(1, px(thickness));
    stroke(colour, thick, dash ? [px(4), px(4)] : []);
    pen.strokeRect(left + thick / 2, top + thick / 2, right - left - thick, bottom - top - thick);
  }

  function cross(x, y, size, colour, style = {}) {
    const { thickness, answer } = { ...DEFAULTS.cross, ...style };
    if (answer && hidden) return;
    const [left, top, right, bottom] = corners(x, y, size, size);
    stroke(colour, Math.max(1, px(thickness)));
    pen.beginPath();
    pen.moveTo(left, top);
    pen.lineTo(right, bottom);
    pen.moveTo(left, bottom);
    pen.lineTo(right, top);
    pen.stroke();
  }

  // points: pairs [x, y].
  function curve(points, style = {}) {
    const { colour, thickness } = { ...DEFAULTS.curve, ...style };
    stroke(colour, thickness * scale);
    pen.beginPath();
    for (const [x, y] of points) pen.lineTo(x * scale, y * scale);
    pen.stroke();
  }

  function arrow(x, y, toX, toY, style = {}) {
    const line = { ...DEFAULTS.arrow, ...style, thickness: 1.5 };
    const length = Math.hypot(toX - x, toY - y) || 1;
    const [alongX, alongY] = [(toX - x) / length, (toY - y) / length];
    const barb = (side) => [toX - 7 * alongX - 4 * side * alongY, toY - 7 * alongY + 4 * side * alongX];
    curve([[x, y], [toX, toY]], line);
    curve([barb(1), [toX, toY], barb(-1)], line);
  }

  // values: {shape: [H, W], data}
  function image(values, x, y, width, style = {}) {
    const { reach, frame } = { ...DEFAULTS.image, ...style };
    const [rows, columns] = values.shape;
    squares(coloured(values.data, reach), rows, columns, x, y, width);
    if (frame) outline(x, y, width, (width * rows) / columns, { colour: GREY, thickness: 1 });
  }

  // pixels: {shape: [H, W, 3], data}, each 0 to 255
  function paste({ shape: [rows, columns], data }, x, y, width) {
    const colours = Uint32Array.from({ length: rows * columns }, (_, i) => packed(...data.subarray(3 * i, 3 * i + 3)));
    squares(colours, rows, columns, x, y, width);
  }

  // values: {shape: [N, H, W], data}
  function maps(values, x, y, side, columns, gap, style = {}) {
    const { reach } = { ...DEFAULTS.maps, ...style };
    const [count, rows, across] = values.shape;
    const inner = px(side);
    const start = (tile) => px(tile * (side + gap)); // each rounded by itself, so that no error grows
    const wall = new OffscreenCanvas(across, count * rows); // a map below the other, a pixel for each number
    const colours = coloured(values.data, reach || reachOf(values) || 1);
    wall.getContext("2d", READ).putImageData(new ImageData(new Uint8ClampedArray(colours.buffer), across), 0, 0);
    stroke("#C8C8C8", 1); // a thin frame, so that a white map is seen
    for (let n = 0; n < count; n++) {
      const [left, top] = [px(x) + start(n % columns), px(y) + start(Math.floor(n / columns))];
      pen.drawImage(wall, 0, n * rows, across, rows, left, top, inner, inner);
      pen.strokeRect(left + 0.5, top + 0.5, inner - 1, inner - 1);
    }
  }

  function numbers(values, x, y, cell, style = {}) {
    const [rows, columns] = values.shape;
    const known = Array.from(values.data).filter((value) => !Number.isNaN(value));
    const reach = style.reach || reachOf({ data: known }) || 1;
    const decimals = known.every(Number.isInteger) ? 0 : 2;
    const words = Array.from(values.data, (value) => (Number.isNaN(value) ? "" : number(value, decimals)));
    pen.font = `100px ${FONT}`;
    const widest = Math.max(...words.map((word) => pen.measureText(word).width / 100)) || 1;
    image(values, x, y, cell * columns, { reach: 2 * reach }); // pale, under dark words
    grid(x, y, cell, rows, columns);
    words.forEach((word, i) =>
      text(x + cell * ((i % columns) + 0.5), y + cell * (Math.floor(i / columns) + 0.5), word,
        { ...CENTRED, size: Math.min(TYPE, (0.9 * cell) / widest) }));
  }

  function grid(x, y, cell, rows, columns, style = {}) {
    const [left, top, right, bottom] = corners(x, y, cell * columns, cell * rows);
    pen.fillStyle = { ...DEFAULTS.grid, ...style }.colour;
    for (let row = 0; row <= rows; row++) {
      pen.fillRect(left, Math.min(px(y + cell * row), bottom - 1), right - left, 1);
    }
    for (let column = 0; column <= columns; column++) {
      pen.fillRect(Math.min(px(x + cell * column), right - 1), top, 1, bottom - top);
    }
  }

  function bar(x, y, width, height, share, colour) {
    fill(x, y, width, height, "#F0F0F0");
    fill(x, y, width * clamp(share, 0, 1), height, colour);
    outline(x, y, width, height, { colour: PALE, thickness: 1 });
  }

  // Here is what a class is to predict; veil() covers it, if it is hidden.
  const answer = (...area) => void answers.push(area);

  function veil() {
    for (const [x, y, width, height] of hidden ? answers : []) {
      fill(x, y, width, height, "#EEF3F7");
      outline(x, y, width, height, { colour: BLUE, dash: true });
      text(x + width / 2, y + height / 2, "?",
        { ...CENTRED, size: Math.min(48, 0.7 * height), colour: BLUE, bold: true });
    }
  }

  function squares(colours, rows, columns, x, y, wide) {
    const [left, top, end, bottom] = corners(x, y, wide, (wide * rows) / columns);
    const [width, height] = [end - left, bottom - top];
    if (width < 1 || height < 1) return;
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const right = Uint16Array.from({ length: width }, (_, j) => Math.floor((j * columns) / width));
    for (let i = 0, to = 0, last = -1; i < height; i++, to += width) {
      const row = Math.floor((i * rows) / height) * columns;
      if (row === last) pixels.copyWithin(to, to - width, to); // most rows are as the one above
      else for (let j = 0; j < width; j++) pixels[to + j] = colours[row + right[j]];
      last = row;
    }
    pen.putImageData(image, left, top);
  }

  function stroke(colour, thickness, dash = []) {
    pen.strokeStyle = colour;
    pen.lineWidth = thickness;
    pen.lineJoin = "round";
    pen.setLineDash(dash);
  }

  return {
    answers, text, title, fill, outline, cross, curve, arrow, image, paste, maps, numbers, grid, bar, answer, veil,
  };
}

const packed = (red, green, blue) => (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
const SIGNED_COLOURS = Uint32Array.from(SIGNED, (colour) => packed(...colour));
const INK_COLOURS = Uint32Array.from({ length: 256 }, (_, i) => packed(255 - i, 255 - i, 255 - i));
const EMPTY = packed(...rgb(PALE)); // where a number is not known

function coloured(values, reach) {
  const [low, high, colours] = reach ? [-reach, reach, SIGNED_COLOURS] : [0, 1, INK_COLOURS];
  return Uint32Array.from(values, (value) =>
    Number.isNaN(value)
      ? EMPTY
      : colours[clamp((value - low) * (255 / (high - low)) + 0.5, 0, 255) | 0]);
}
