// Draw a digit, and every layer of LeNet-5 follows while the pen moves.
import { digits } from "./files.js";
import { checked, drawn } from "./ink.js";
import { because, NETS, paintGlyphs, paintScores, read } from "./reading.js";
import { isOf1998 } from "./nets.js";
import { LAYERS } from "./paper.js";
import { BLUE, CENTRED, GREY } from "./sheet.js";
import { tensor } from "./tensor.js";
import { longest, unitAt } from "./units.js";

const SCORES = 498; // from where on the picture shows them
const IDEAL = 440; // of F6 in 1998
const DRAWING = "drawing";
const INPUT = [10, 30, 92]; // left, top, side
// Of each layer: left, top, side of a map, maps in a row, space between.
const PLACES = {
  c1: [120, 30, 54, 3, 4], s2: [316, 30, 50, 3, 4], c3: [10, 182, 32, 4, 4], s4: [168, 182, 24, 4, 4],
  c5: [302, 182, 6, 8, 2], f6: [388, 182, 6.5, 7, 0.5],
};

const needs = ({ show, net }) => (show === DRAWING ? [net] : ["ten-digits", net]);

// What is read and what the net makes of it, or, with nothing to read, what to do about it.
function compute({ canvas, thickness, show, net }) {
  const [what, image] = chosen(canvas, thickness, show);
  const [reading, old] = [image && read(net, image), isOf1998(net)];
  return { what, pen: thickness, reading, old, net: NETS[net] ?? "your own" };
}

function chosen(canvas, thickness, show) {
  if (show !== DRAWING) return [`The first ${show} of the test set`, digits("ten-digits")[show].image];
  try {
    const strokes = checked(canvas);
    if (strokes.length) return ["Your drawing", drawn(strokes, thickness / 100)];
    return ["Draw a digit with mouse, pen or finger, or choose one of the test set.", null];
  } catch (error) {
    return [`The drawing cannot be read: ${error.message}. Press clear and draw again.`, null];
  }
}

function paint(sheet, { reading, pen, net }) {
  sheet.title(10, 16, "input");
  for (const { name, maps, size } of LAYERS.slice(0, -1)) {
    const layer = name.toLowerCase();
    const [left, top, side, columns, gap] = PLACES[layer];
    sheet.title(left, top - 14, `${name}: ${maps}${size > 1 ? " maps" : ""}`);
    if (reading?.areDistances && layer === "f6") {
      paintGlyphs(sheet, reading, left, top, side, IDEAL - left);
      sheet.text(IDEAL, top + 12 * side + 16, "ideal");
      sheet.answer(IDEAL - 4, top - 4, 54, 12 * side + 32);
    } else {
      const values = reading ? reading.maps[layer] : tensor([maps, size, size]);
      sheet.maps(values, left, top, side, columns, gap, { reach: reading ? reading.full[layer] : 1 });
    }
  }
  sheet.text(168, 320, "violet below 0, orange above");
  if (!reading) {
    sheet.outline(...INPUT, INPUT[2], { colour: GREY, thickness: 1 });
    sheet.text(56, 76, `pen ${pen} %`, CENTRED);
    sheet.text(SCORES + 76, 120, "?", { ...CENTRED, size: 96, colour: GREY, bold: true });
    sheet.text(SCORES + 76, 210, `LeNet-5 ${net}`, CENTRED);
    sheet.text(SCORES + 76, 234, "waits", CENTRED);
    return;
  }
  sheet.image(reading.image, ...INPUT, { frame: true });
  sheet.text(634, 34, reading.answer, { ...CENTRED, size: 56, colour: BLUE, bold: true });
  paintScores(sheet, reading, SCORES, 64, 62, 26);
  sheet.answer(SCORES - 4, 4, 162, 328);
}

function say({ what, pen, reading, net }) {
  if (reading) return `${what} is read as ${reading.answer}: ${because(reading)}.`;
  return `${what} The pen has ${pen} % of the side; LeNet-5, ${net}, will read it.`;
}

function hover({ reading, old }, x, y) {
  const places = { ...PLACES, input: [...INPUT, 1, 0] };
  if (reading && old) places.f6 = [...PLACES.f6.slice(0, 4), 0]; // dots without a space between
  return unitAt({ values: reading?.maps, places, sparse: old }, x, y);
}

const turnToTheDrawing = () => ({ show: DRAWING });

const actions = {
  canvas: turnToTheDrawing,
  undo: ({ canvas }) => ({ canvas: Array.isArray(canvas) ? canvas.slice(0, -1) : [], show: DRAWING }),
  clear: () => ({ canvas: [], show: DRAWING }),
  thickness: turnToTheDrawing,
};

// What the canvas shows follows these at once, whether or not there is a kernel.
const tell = ({ thickness, show }) => ({ canvas: { thickness: thickness / 100, idle: show !== DRAWING } });

export const draw_digit = { compute, paint, say, needs, actions, tell, hover, longest: longest(false) };
