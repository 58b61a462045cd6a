// Draw a digit, and every layer of LeNet-5 follows while the pen moves.
import { digits } from "./files.js";
import { checked, drawn } from "./ink.js";
import { because, NETS, paintGlyphs, paintScores, read } from "./reading.js";
import { BLUE, GREY } from "./sheet.js";
import { tensor } from "./tensor.js";

const RIGHT = 412; // from where on the picture shows the input and the scores
const DRAWING = "drawing";
// Of each layer: how many maps, and their size; left, top, side of a map, maps in a row, space between.
const PLACES = {
  c1: [6, 28, 10, 28, 60, 6, 4], s2: [6, 14, 10, 110, 56, 6, 8], c3: [16, 10, 10, 188, 44, 8, 4],
  s4: [16, 5, 10, 306, 26, 4, 4], c5: [120, 1, 142, 306, 8, 10, 2], f6: [84, 1, 254, 306, 8, 7, 2],
};

const needs = ({ show, net }) => (show === DRAWING ? [net] : ["ten-digits", net]);

// What is read and what the net makes of it, or, with nothing to read, what to do about it.
function compute({ canvas, thickness, show, net }) {
  const [what, image] = chosen(canvas, thickness, show);
  return { what, pen: thickness, reading: image && read(net, image), net: NETS[net] ?? "your own" };
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
  for (const [layer, [maps, size, left, top, side, columns, gap]] of Object.entries(PLACES)) {
    const sizes = size > 5 ? ` maps of ${size} × ${size}` : "";
    sheet.title(left, top - 10, `${layer.toUpperCase()}: ${maps}${sizes}`, { size: 13 });
    const values = reading ? reading.maps[layer] : tensor([maps, size, size]);
    sheet.maps(values, left, top, side, columns, gap, { reach: reading ? reading.full[layer] : 1 });
  }
  sheet.text(10, 438, "violet below 0, white 0, orange above; one scale for each layer",
    { size: 12, anchor: "lm" });
  sheet.title(RIGHT, 18, "input: 32 × 32", { size: 13 });
  sheet.outline(RIGHT - 1, 27, 98, 98, { colour: GREY, thickness: 1 });
  if (!reading) {
    sheet.text(RIGHT + 48, 76, `pen ${pen} %`, { size: 14 });
    sheet.text(RIGHT + 126, 76, "?", { size: 64, colour: GREY, bold: true });
    sheet.text(RIGHT, 150, `LeNet-5 ${net} waits`, { anchor: "lm" });
    return;
  }
  sheet.image(reading.image, RIGHT, 28, 96);
  sheet.text(RIGHT + 126, 76, reading.answer, { size: 64, colour: BLUE, bold: true });
  paintScores(sheet, reading, RIGHT + 2, 177, 78, 26);
  if (reading.areDistances) { // F6 then aims at a picture
    sheet.title(332, 296, `ideal ${reading.answer}`, { size: 13 });
    paintGlyphs(sheet, reading, 254, 306, 10, 78);
  }
}

function say({ what, pen, reading, net }) {
  if (reading) return `${what} is read as ${reading.answer}: ${because(reading)}.`;
  return `${what} The pen has ${pen} % of the side; LeNet-5, ${net}, will read it.`;
}

const turnToTheDrawing = () => ({ show: DRAWING });

const actions = {
  canvas: turnToTheDrawing,
  undo: ({ canvas }) => ({ canvas: Array.isArray(canvas) ? canvas.slice(0, -1) : [], show: DRAWING }),
  clear: () => ({ canvas: [], show: DRAWING }),
  thickness: turnToTheDrawing,
};

export const draw_digit = { compute, paint, say, needs, actions };
