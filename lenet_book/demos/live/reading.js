// A trained LeNet-5 reads one digit: what its layers give out, its ten scores, its answer.
import { inked, weights } from "./files.js";
import { isOf1998, run } from "./nets.js";
import { clamp, fixed, percent } from "./numbers.js";
import { BLUE, CENTRED, GREY, INK, PALE, RED } from "./sheet.js";
import { part, softmax, tensor } from "./tensor.js";

export const NETS = { "lenet5-1998": "of 1998", "lenet5": "modern" };
const [GLYPH_HEIGHT, GLYPH_WIDTH] = [12, 7];
const FARTHEST = 200; // of the ten glyphs, the two that differ most are so far apart

// net: the name of a file of weights. image: 28 x 28, 0 to 255. changes: to the net, see run.
export function read(net, image, changes = {}) {
  const areDistances = isOf1998(net);
  const { maps, outputs } = run(net, image, changes);
  const scores = Array.from((areDistances ? outputs : softmax(outputs)).data);
  const [answer, second] = [...scores.keys()].sort((a, b) =>
    areDistances ? scores[a] - scores[b] : scores[b] - scores[a]);
  return {
    image: inked(image, 32), maps, full: weights(net).full, scores, areDistances,
    answer, second, glyph: areDistances ? glyph(part(weights(net)["output.codes"], answer).data) : null,
  };
}

const glyph = (data) => tensor([GLYPH_HEIGHT, GLYPH_WIDTH], data);

// Why it is the answer and not the next one or, if it is wrong, not the right one.
export function because({ scores, areDistances, answer, second }, label = answer) {
  const other = label === answer ? second : label;
  const both = (decimals) => [answer, other].map((digit) => said(scores[digit], areDistances, decimals));
  let [mine, others] = both(0);
  if (scores[answer] === scores[other]) {
    const equally = areDistances ? "near" : "probable";
    return `the ${answer} and the ${other} are equally ${equally}, ${mine}; it takes the lower digit`;
  }
  if (areDistances && mine === others) [mine, others] = both(1);
  const [measure, best] = areDistances ? ["distance to", "smallest"] : ["probability of", "largest"];
  return `the ${measure} the ${answer} is the ${best}, ${mine}; ` +
    (label === answer ? `next comes the ${other} with ${others}` : `the ${other} has ${others}`);
}

const said = (score, isDistance, decimals = 0) =>
  isDistance ? (score >= 0.5 ? fixed(score, decimals) : "less than 1") : share(score);
// As the picture shows it: as the sentence, without its words.
const written = (words) => words.replace("less than ", "<").replace("more than ", ">").replace(" %", "%");

// Whole percent, but neither 0 nor 100 for what is not quite that.
export function share(score) {
  if (0.005 <= score && score < 0.995) return percent(score).replace("%", " %");
  return score < 0.5 ? "less than 1 %" : "more than 99 %";
}

// What a digit is, in the frame of all labels; x, y: its middle.
export function paintLabel(sheet, label, x, y) {
  sheet.text(x, y, label, { ...CENTRED, size: 24, bold: true });
  sheet.outline(x - 16, y - 16, 32, 32, { dash: true });
}

// F6 of 1998 as a picture of 12 x 7 dots, and to the right of it the one that it aims at.
export function paintGlyphs(sheet, reading, x, y, cell, apart) {
  for (const [left, dots] of [[x, glyph(reading.maps.f6.data)], [x + apart, reading.glyph]]) {
    sheet.image(dots, left, y, cell * GLYPH_WIDTH, { reach: reading.full.f6 });
    sheet.grid(left, y, cell, GLYPH_HEIGHT, GLYPH_WIDTH);
  }
}

// Ten rows from y on, and above them what they are. A distance is a place on a line, not a bar: the longest
// would look like the winner, which is the shortest.
export function paintScores(sheet, { scores, areDistances, answer }, x, y, bar, row, label = null) {
  const [title, wins] = areDistances
    ? ["distance", "smallest wins"] : ["probability", "largest wins"];
  sheet.title(x, y - 34, title);
  sheet.text(x, y - 13, wins);
  const colour = [null, answer].includes(label) ? BLUE : RED;
  scores.forEach((score, digit) => {
    const [top, middle, won] = [y + row * digit, y + row * (digit + 0.5), digit === answer];
    const [ink, shown] = won ? [colour, colour] : [INK, GREY];
    if (won) sheet.text(x + 6, middle, "▶", { ...CENTRED, size: 13, colour });
    sheet.text(x + 22, middle, digit, { ...CENTRED, colour: ink, bold: won });
    if (areDistances) {
      const at = (bar - 8) * clamp(score / FARTHEST, 0, 1);
      sheet.fill(x + 34, middle - 1, bar, 2, PALE);
      sheet.fill(x + 34 + at, top + 4, 8, row - 8, shown);
    } else {
      sheet.bar(x + 34, top + 4, bar, row - 8, score, shown);
    }
    sheet.text(x + 40 + bar, middle, written(said(score, areDistances)), { colour: ink, bold: won });
    if (digit === label) sheet.outline(x + 13, top, bar + 82, row, { dash: true });
  });
}
