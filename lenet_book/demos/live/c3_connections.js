// Who reads whom in C3: the table of the paper, and tables of one's own.
import { outputSize } from "./arithmetic.js";
import { digits } from "./files.js";
import { C3_CONNECTIONS, run } from "./nets.js";
import { grouped, mapsListed, nameIn, pairs, plural, range } from "./numbers.js";
import { BLUE, CENTRED, INK, RED } from "./sheet.js";
import { map, part, reach } from "./tensor.js";

const [S2, C3, KERNEL] = [6, C3_CONNECTIONS.length, 5]; // maps, maps, and pixels
const RANDOM = [
  [0, 2, 4], [1, 2, 3, 4, 5], [1, 2, 3, 5], [0, 2, 3, 4], [0, 1, 2, 4], [0, 1, 3, 4, 5], [2, 4, 5],
  [2, 3, 4, 5], [2, 3, 4], [0, 1, 3, 4, 5], [1, 2, 3, 4], [1, 4], [0, 2, 3, 5], [2, 3, 5], [0, 2, 3, 5],
  [0, 1, 4],
];
const [ALL, NONE] = [range(0, S2), []].map((sources) => Array(C3).fill(sources));
// For each map of C3 the maps of S2 that it reads.
const TABLES = { paper: C3_CONNECTIONS, dense: ALL, none: NONE, random: RANDOM };
const OWN = "your own";
const [SIDE, PITCH, LEFT, TOP] = [86, 104, 10, 24]; // the maps of S2, and where the first is
const READER = [LEFT, 162, 5 * PITCH + SIDE, 32]; // x, y, width, height of the map of C3
const RIGHT = 644; // where the numbers begin

const PAIRS = pairs(range(0, S2), range(0, C3));
const nameOf = ([source, output]) => `reads ${source} ${output}`;
const tableOf = (reads) =>
  range(0, C3).map((output) => range(0, S2).filter((source) => reads[nameOf([source, output])]));

// All connections as in the table of that name; one's own stays as it is.
const begin = ({ start }) => Object.fromEntries(start === OWN ? [] : PAIRS.map(([source, output]) =>
  [nameOf([source, output]), TABLES[start][output].includes(source)]));

// Which of the tables the connections are.
const nameIt = (values) => ({ start: nameIn(TABLES, tableOf(values)) ?? OWN });

const actions = { start: begin, ...Object.fromEntries(PAIRS.map((pair) => [nameOf(pair), nameIt])) };

function compute({ start, map: chosen, ...reads }) {
  const { s2 } = run("lenet5-1998", digits("ten-digits")[7].image).maps; // for the first seven of the test set
  const table = tableOf(reads);
  const kernels = table.flat().length;
  const parameters = KERNEL ** 2 * kernels + C3; // a bias for each map
  return {
    start, chosen, table, kernels, parameters, s2,
    idle: range(0, C3).filter((output) => !table[output].length), // no layer with any of these
    connections: parameters * outputSize(s2.shape[1], KERNEL) ** 2,
    sets: new Set(table.map(String)).size, // different sets of inputs
  };
}

function paint(sheet, facts) {
  const { kernels, idle: { length: idle }, parameters, connections, sets } = facts;
  sources(sheet, facts);
  sheet.title(RIGHT, 14, `${kernels} of ${PAIRS.length} kernels`);
  sheet.bar(RIGHT, 28, 180, 16, kernels / PAIRS.length, BLUE);
  if (idle) {
    sheet.title(RIGHT, 66, `${idle} ${plural("map", idle)} of C3`, { colour: RED });
    sheet.title(RIGHT, 90, idle === 1 ? "reads nothing" : "read nothing", { colour: RED });
  } else {
    sheet.text(RIGHT, 66, `${grouped(parameters)} parameters`);
    sheet.text(RIGHT, 90, `${grouped(connections)} connections`);
    sheet.text(RIGHT, 114, `${sets} ${plural("set", sets)} of inputs`);
    sheet.answer(RIGHT - 6, 2, 194, 128);
  }
  sheet.text(RIGHT, 162, "violet: below zero");
  sheet.text(RIGHT, 184, "orange: above zero");
}

// The maps of S2, strong where this map of C3 reads them, and the way down to it.
function sources(sheet, { s2, table, chosen }) {
  const [most, read, [left, top, width, height]] = [reach(s2), table[chosen], READER];
  for (const source of range(0, S2)) {
    const [x, strong, values] = [LEFT + PITCH * source, read.includes(source), part(s2, source)];
    const middle = x + SIDE / 2;
    const users = table.filter((sources) => sources.includes(source)).length;
    const pale = map(values, (value) => 0.25 * value);
    sheet.text(middle, 11, `S2 ${source}`, { ...CENTRED, colour: strong ? INK : "#707070", bold: strong });
    sheet.image(strong ? values : pale, x, TOP, SIDE, { reach: most, frame: !strong });
    if (strong) {
      sheet.outline(x - 3, TOP - 3, SIDE + 6, SIDE + 6, { colour: BLUE, thickness: 3 });
      sheet.arrow(middle, TOP + SIDE + 29, middle, top - 1, { colour: BLUE });
    } else {
      sheet.cross(x, TOP, SIDE, "#888888", { thickness: 2 });
    }
    sheet.text(middle, TOP + SIDE + 16, `read by ${users}`, CENTRED);
  }
  const count = `${read.length} ${plural("kernel", read.length)} of ${KERNEL} × ${KERNEL} and a bias`;
  const none = !read.length;
  sheet.outline(left, top, width, height, { colour: none ? RED : BLUE, thickness: 3, dash: none });
  sheet.text(left + width / 2, top + height / 2, `map ${chosen} of C3: ${none ? "reads nothing" : count}`,
    { ...CENTRED, bold: true });
}

// A map of S2 at which one clicks is connected with the map of C3, or no longer.
function point({ table, chosen }, x, y, dragged) {
  const source = Math.floor((x - LEFT) / PITCH);
  const inside = 0 <= source && source < S2 && x - LEFT - PITCH * source < SIDE && y < READER[1];
  return inside && !dragged ? { [nameOf([source, chosen])]: !table[chosen].includes(source) } : null;
}

function say({ start, chosen, table, kernels, parameters, idle, connections, sets }) {
  const share = `${kernels} of ${PAIRS.length} kernels`;
  const inputs = `Map ${chosen} of C3 reads ${mapsListed(table[chosen])} of S2.`;
  if (idle.length) {
    const column = idle.length === 1 ? "its column" : "the column of each";
    return `${share}, but ${nothing(idle)}: so this is no layer yet. ` +
      `Press at least one square in ${column}. ${inputs}`;
  }
  const name = { paper: "The paper's table", dense: "The dense table" }[start] ?? "This table";
  const alike = sets === C3 ? "no two maps of C3 read the same"
    : sets === 1 ? "all maps of C3 read the same" : `the ${C3} maps of C3 share ${sets} sets of inputs`;
  return `${name}: ${share}, ${KERNEL ** 2}·${kernels} + ${C3} = ${grouped(parameters)} parameters, ` +
    `${grouped(connections)} connections; ${alike}. ${inputs}`;
}

// Which maps of C3 read nothing; only how many where there are more than four.
function nothing(idle) {
  const which = idle.length <= 4 ? mapsListed(idle)
    : idle.length < C3 ? `${idle.length} of the ${C3} maps` : `all ${C3} maps`;
  return `${which} of C3 read${idle.length === 1 ? "s" : ""} nothing`;
}

// How a page without a kernel labels the table of toggles.
const table = {
  name: "Which map of C3 reads which map of S2", corner: "C3", columns: range(0, C3),
  rows: range(0, S2).map((source) => `S2 map ${source}`),
};

export const c3_connections = { compute, paint, say, actions, point, table };
