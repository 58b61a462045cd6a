// What each layer of LeNet-5 makes of a digit, and what becomes of it when the digit is deformed.
import { digits, floats } from "./files.js";
import { fixed, plural, round } from "./numbers.js";
import { because, paintGlyphs, paintScores, read } from "./reading.js";
import { BLUE, RED } from "./sheet.js";

const [LEFT, TOP, SIDE] = [225, 58, 366]; // the square for the maps
const SIZE = 28;
const COLUMNS = { 6: 3, 16: 4, 84: 12, 120: 12 };

const needs = ({ net, noise }) => ["test-digits", net, ...(noise ? ["noise"] : [])];

// Turned and scaled about its middle, then shifted, with noise; 0 to 255, 28 x 28, as before.
function deform(image, { right, down, rotate, scale, noise }) {
  const pixel = (row, column) =>
    0 <= row && row < SIZE && 0 <= column && column < SIZE ? image[SIZE * row + column] : 0;
  const between = (a, b, share) => a + share * (b - a);
  const random = noise ? floats("noise") : null;
  const [angle, middle] = [(rotate * Math.PI) / 180, (SIZE - 1) / 2];
  const [cos, sin] = [(Math.cos(angle) * 100) / scale, (Math.sin(angle) * 100) / scale];
  return Uint8Array.from(image, (_, i) => {
    const [across, along] = [(i % SIZE) - middle - right, Math.floor(i / SIZE) - middle - down];
    const x = cos * across + sin * along + middle; // where it was
    const y = cos * along - sin * across + middle;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [above, below] = [row, row + 1].map((r) =>
      between(pixel(r, column), pixel(r, column + 1), x - column));
    const grey = between(above, below, y - row) + (noise && ((255 * noise) / 100) * random[i]);
    // Twice rounded: means of four pixels often end in a half, which no last digit shall sway.
    return Math.min(Math.max(round(round(grey * 1e6) / 1e6), 0), 255);
  });
}

function compute({ index, layer, net, ...changes }) {
  const { image, label } = digits("test-digits")[index];
  const reading = read(net, deform(image, changes));
  const [count, size] = reading.maps[layer].shape;
  const what = size > 1 ? `${count} maps of ${size} × ${size}` : `${count} units`;
  return { index, label, layer, changes, reading, what, correct: reading.answer === label };
}

function paint(sheet, { reading, layer, label, what, correct }) {
  const [maps, full] = [reading.maps[layer], reading.full[layer]];
  sheet.title(20, 24, "input: 32 × 32");
  sheet.text(20, 44, "white 0, black 1", { anchor: "lm" });
  sheet.image(reading.image, 20, TOP, 176, { frame: true });
  sheet.text(20, 260, `it is ${a(label)}, read as`, { size: 15, anchor: "lm" });
  const [colour, verdict] = correct ? [BLUE, "✓ right"] : [RED, "✗ wrong"];
  sheet.text(48, 318, reading.answer, { size: 72, colour, bold: true });
  sheet.title(90, 320, verdict, { size: 20, colour });
  sheet.title(LEFT, 24, `${layer.toUpperCase()}: ${what}`);
  const most = fixed(full, 1);
  sheet.text(LEFT, 44, `violet −${most}, white 0, orange +${most} and beyond`, { anchor: "lm" });
  if (layer === "f6" && reading.areDistances) {
    sheet.text(LEFT, TOP + 10, "as 12 × 7 dots", { anchor: "lm" });
    sheet.text(LEFT + 192, TOP + 10, `the ideal ${reading.answer}`, { anchor: "lm" });
    paintGlyphs(sheet, reading, LEFT, TOP + 24, 25, 192);
  } else {
    const columns = COLUMNS[maps.shape[0]];
    sheet.maps(maps, LEFT, TOP, SIDE / columns - 6, columns, 6, { reach: full });
  }
  paintScores(sheet, reading, 632, 60, 108, 30, label);
  sheet.text(632, 376, "▶", { colour: BLUE });
  sheet.text(646, 376, "the answer", { anchor: "lm" });
  sheet.outline(624, 390, 16, 16, { dash: true });
  sheet.text(646, 398, "what it is", { anchor: "lm" });
}

const say = ({ index, label, layer, changes, reading, what, correct }) =>
  `Test digit ${index}, ${a(label)}${done(changes)}, is read as ${reading.answer}, which is ` +
  `${correct ? "right" : "wrong"}: ${because(reading, label)}. Layer ${layer.toUpperCase()} has ${what}.`;

const a = (digit) => (digit === 8 ? `an ${digit}` : `a ${digit}`);

// What was done to the digit, in words, each after a comma.
function done({ right, down, rotate, scale, noise }) {
  const ways = [[right, right > 0 ? "to the right" : "to the left"], [down, down > 0 ? "down" : "up"]];
  const shifts = ways.filter(([by]) => by).map(([by, way]) =>
    `${Math.abs(by)} ${plural("pixel", Math.abs(by))} ${way}`);
  return [
    shifts.length && `shifted ${shifts.join(" and ")}`,
    rotate && `rotated by ${Math.abs(rotate)} degrees ${rotate > 0 ? "clockwise" : "counterclockwise"}`,
    scale !== 100 && `scaled to ${scale} %`,
    noise && `with noise of ${noise} %`,
  ].filter(Boolean).map((change) => `, ${change}`).join("");
}

export const feature_maps = { compute, paint, say, needs };
