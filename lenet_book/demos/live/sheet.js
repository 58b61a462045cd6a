// The paper that a demo paints on, as ../sheet.py, whose docstrings say what each method does.
// Lengths are pixels of the page, x to the right and y down from the upper left corner.
import { rgb, SIGNED } from "./colours.js";
import { number } from "./numbers.js";

export const BLUE = "#0072B2";
export const ORANGE = "#E69F00";
export const GREEN = "#009E73";
export const PURPLE = "#CC79A7";
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
  outline: { colour: INK, thickness: 2, dash: false, answer: false },
  cross: { thickness: 1, answer: false },
  curve: { colour: INK, thickness: 2 },
  arrow: { colour: INK },
  image: { reach: null, frame: false },
  maps: { reach: null },
  numbers: { reach: null },
  grid: { colour: "#AAAAAA" },
};

const ALIGN = { l: "left", m: "center", r: "right" };
const BASELINE = { t: "top", m: "middle", b: "bottom", s: "alphabetic" };
const FONT = '"DejaVu Sans", Verdana, system-ui, sans-serif';

export class Sheet {
  // scale: pixels of the canvas for each pixel of the page; hidden: whether the answer is.
  constructor(canvas, width, height, scale = 1, hidden = false) {
    this.scale = scale;
    this.hidden = hidden;
    this.answers = []; // x, y, width, height of each
    const [across, down] = [this.px(width), this.px(height)];
    if (canvas.width !== across) canvas.width = across;
    if (canvas.height !== down) canvas.height = down;
    this.pen = canvas.getContext("2d", { willReadFrequently: true }); // pixels by the thousand are put in
    this.pen.fillStyle = "white";
    this.pen.fillRect(0, 0, across, down);
  }

  text(x, y, words, style = {}) {
    const { size, colour, anchor, bold } = { ...DEFAULTS.text, ...style };
    this.pen.font = `${bold ? "bold " : ""}${size * this.scale}px ${FONT}`;
    this.pen.fillStyle = colour;
    this.pen.textAlign = ALIGN[anchor[0]];
    this.pen.textBaseline = BASELINE[anchor[1]];
    this.pen.fillText(words, x * this.scale, y * this.scale);
  }

  title(x, y, words, style = {}) {
    this.text(x, y, words, { ...style, bold: true });
  }

  fill(x, y, width, height, colour) {
    const [left, top, right, bottom] = this.corners(x, y, width, height);
    this.pen.fillStyle = colour;
    this.pen.fillRect(left, top, Math.max(right - left, 0), Math.max(bottom - top, 0));
  }

  outline(x, y, width, height, style = {}) {
    const { colour, thickness, dash, answer } = { ...DEFAULTS.outline, ...style };
    if (answer && this.hidden) return;
    const [left, top, right, bottom] = this.corners(x, y, width, height);
    const thick = Math.max(1, this.px(thickness));
    this.stroke(colour, thick, dash ? [this.px(4), this.px(4)] : []);
    this.pen.strokeRect(left + thick / 2, top + thick / 2, right - left - thick, bottom - top - thick);
  }

  cross(x, y, size, colour, style = {}) {
    const { thickness, answer } = { ...DEFAULTS.cross, ...style };
    if (answer && this.hidden) return;
    const [left, top, right, bottom] = this.corners(x, y, size, size);
    this.stroke(colour, Math.max(1, this.px(thickness)));
    this.pen.beginPath();
    this.pen.moveTo(left, top);
    this.pen.lineTo(right, bottom);
    this.pen.moveTo(left, bottom);
    this.pen.lineTo(right, top);
    this.pen.stroke();
  }

  // points: pairs [x, y].
  curve(points, style = {}) {
    const { colour, thickness } = { ...DEFAULTS.curve, ...style };
    this.stroke(colour, thickness * this.scale);
    this.pen.beginPath();
    for (const [x, y] of points) this.pen.lineTo(x * this.scale, y * this.scale);
    this.pen.stroke();
  }

  arrow(x, y, toX, toY, style = {}) {
    const { colour } = { ...DEFAULTS.arrow, ...style };
    const length = Math.hypot(toX - x, toY - y) || 1;
    const [alongX, alongY] = [(toX - x) / length, (toY - y) / length];
    const barb = (side) => [toX - 7 * alongX - 4 * side * alongY, toY - 7 * alongY + 4 * side * alongX];
    this.curve([[x, y], [toX, toY]], { colour, thickness: 1.5 });
    this.curve([barb(1), [toX, toY], barb(-1)], { colour, thickness: 1.5 });
  }

  // values: {shape: [H, W], data}
  image(values, x, y, width, style = {}) {
    const { reach, frame } = { ...DEFAULTS.image, ...style };
    const [rows, columns] = values.shape;
    this.squares(coloured(values.data, reach), rows, columns, x, y, width);
    if (frame) this.outline(x, y, width, (width * rows) / columns, { colour: GREY, thickness: 1 });
  }

  // pixels: {shape: [H, W, 3], data}, each 0 to 255
  paste({ shape: [rows, columns], data }, x, y, width) {
    const colours = Uint32Array.from({ length: rows * columns }, (_, i) =>
      packed(data[3 * i], data[3 * i + 1], data[3 * i + 2]));
    this.squares(colours, rows, columns, x, y, width);
  }

  // values: {shape: [N, H, W], data}
  maps(values, x, y, side, columns, gap, style = {}) {
    const { reach } = { ...DEFAULTS.maps, ...style };
    const [count, rows, across] = values.shape;
    const inner = this.px(side);
    const start = (tile) => this.px(tile * (side + gap)); // each rounded by itself, so that no error grows
    const most = values.data.reduce((m, value) => Math.max(m, Math.abs(value)), 0);
    const colours = coloured(values.data, reach || most || 1);
    const wall = new ImageData(start(columns - 1) + inner, start(Math.ceil(count / columns) - 1) + inner);
    const pixels = new Uint32Array(wall.data.buffer).fill(0xffffffff);
    const pick = (length) => Uint16Array.from({ length: inner }, (_, i) => Math.floor((i * length) / inner));
    const [down, right, edge] = [pick(rows), pick(across), inner - 1];
    for (let n = 0; n < count; n++) {
      const corner = start(Math.floor(n / columns)) * wall.width + start(n % columns);
      for (let i = 0; i < inner; i++) {
        if (i > 1 && i < edge && down[i] === down[i - 1]) {
          const row = corner + i * wall.width;
          pixels.copyWithin(row, row - wall.width, row - wall.width + inner);
          continue;
        }
        for (let j = 0; j < inner; j++) {
          const onEdge = i === 0 || j === 0 || i === edge || j === edge;
          pixels[corner + i * wall.width + j] = onEdge
            ? 0xffc8c8c8 // a thin frame, so that a white map is seen
            : colours[(n * rows + down[i]) * across + right[j]];
        }
      }
    }
    this.pen.putImageData(wall, this.px(x), this.px(y));
  }

  numbers(values, x, y, cell, style = {}) {
    const [rows, columns] = values.shape;
    const known = Array.from(values.data).filter((value) => !Number.isNaN(value));
    const reach = style.reach || known.reduce((m, value) => Math.max(m, Math.abs(value)), 0) || 1;
    const decimals = known.every(Number.isInteger) ? 0 : 2;
    const words = Array.from(values.data, (value) => (Number.isNaN(value) ? "" : number(value, decimals)));
    this.pen.font = `100px ${FONT}`;
    const widest = Math.max(...words.map((word) => this.pen.measureText(word).width / 100)) || 1;
    this.image(values, x, y, cell * columns, { reach: 2 * reach }); // pale, under dark words
    this.grid(x, y, cell, rows, columns);
    words.forEach((word, i) =>
      this.text(x + cell * ((i % columns) + 0.5), y + cell * (Math.floor(i / columns) + 0.5), word,
        { ...CENTRED, size: Math.min(TYPE, (0.9 * cell) / widest) }));
  }

  grid(x, y, cell, rows, columns, style = {}) {
    const { colour } = { ...DEFAULTS.grid, ...style };
    const [left, top, right, bottom] = this.corners(x, y, cell * columns, cell * rows);
    this.pen.fillStyle = colour;
    for (let row = 0; row <= rows; row++) {
      this.pen.fillRect(left, Math.min(this.px(y + cell * row), bottom - 1), right - left, 1);
    }
    for (let column = 0; column <= columns; column++) {
      this.pen.fillRect(Math.min(this.px(x + cell * column), right - 1), top, 1, bottom - top);
    }
  }

  bar(x, y, width, height, share, colour) {
    this.fill(x, y, width, height, "#F0F0F0");
    this.fill(x, y, width * Math.min(Math.max(share, 0), 1), height, colour);
    this.outline(x, y, width, height, { colour: PALE, thickness: 1 });
  }

  // Here is what a class is to predict; veil() covers it, if it is hidden.
  answer(x, y, width, height) {
    this.answers.push([x, y, width, height]);
  }

  veil() {
    if (!this.hidden) return;
    for (const [x, y, width, height] of this.answers) {
      this.fill(x, y, width, height, "#EEF3F7");
      this.outline(x, y, width, height, { colour: BLUE, dash: true });
      this.text(x + width / 2, y + height / 2, "?",
        { ...CENTRED, size: Math.min(48, 0.7 * height), colour: BLUE, bold: true });
    }
  }

  squares(colours, rows, columns, x, y, wide) {
    const [left, top, end, bottom] = this.corners(x, y, wide, (wide * rows) / columns);
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
    this.pen.putImageData(image, left, top);
  }

  stroke(colour, thickness, dash = []) {
    this.pen.strokeStyle = colour;
    this.pen.lineWidth = thickness;
    this.pen.lineJoin = "round";
    this.pen.setLineDash(dash);
  }

  px(length) {
    return Math.round(length * this.scale);
  }

  corners(x, y, width, height) {
    return [this.px(x), this.px(y), this.px(x + width), this.px(y + height)];
  }
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
      : colours[Math.min(Math.max((value - low) * (255 / (high - low)) + 0.5, 0), 255) | 0]);
}
