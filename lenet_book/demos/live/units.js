// Of one unit of LeNet-5 all that reaches it, layer by layer down to the input: where in a picture, and in
// words.
import { C3_CONNECTIONS } from "./nets.js";
import { listed, mapsListed, number, range } from "./numbers.js";
import { INPUT_SIZE, LAYERS } from "./paper.js";

const LEVELS = [{ name: "the input", maps: 1, size: INPUT_SIZE }, ...LAYERS.slice(0, -1)];

// As a demo's hover gives it, see host.js. values: layer -> its maps, if there are any yet. places: layer or
// "input" -> [left, top, side of a map, maps in a row, space between], for each that the picture shows.
// sparse: whether C3 reads by the paper's table. between: whether the words name the layers between the first
// and the input, too. x, y: a point, or nothing for the first unit.
export function unitAt({ values, places, sparse, between = false }, x, y) {
  const walls = LEVELS.map(({ name }, level) => places[level ? name.toLowerCase() : "input"]);
  const levels = range(1, LEVELS.length).filter((level) => walls[level]);
  const unit = x === undefined ? { level: levels[0], map: 0, row: 0, column: 0 }
    : levels.map((level) => unitOf(level, walls[level], x, y)).find(Boolean);
  if (!unit) return null;
  const windows = windowsOf(unit, sparse);
  return {
    frames: windows.flatMap((window) => framesOf(window, walls[window.level])),
    words: say(windows, values, between), ways: waysFrom(unit, levels, walls),
  };
}

// The unit of a layer at a point; the space after a map belongs to it.
function unitOf(level, [left, top, side, columns, gap], x, y) {
  const { maps, size } = LEVELS[level];
  const [[across, column], [down, row]] = [x - left, y - top].map((at) => {
    const tile = Math.floor(at / (side + gap));
    return [tile, Math.min(Math.floor(((at - tile * (side + gap)) / side) * size), size - 1)];
  });
  const map = down * columns + across;
  return 0 <= across && across < columns && 0 <= map && map < maps ? { level, map, row, column } : null;
}

// The unit itself, and for each layer before it the maps that reach it, and where in each of these.
function windowsOf({ level, map, row, column }, sparse) {
  const windows = [{ level, maps: [map], row, column, side: 1 }];
  for (; level > 0; level--) {
    const { maps, row, column, side } = windows.at(-1);
    const { kind, kernel } = LEVELS[level];
    const [pools, partial] = [kind === "subsampling", sparse && kind === "partial convolution"];
    const stride = pools ? kernel : 1;
    windows.push({
      level: level - 1, row: row * stride, column: column * stride, side: (side - 1) * stride + (kernel || 1),
      maps: range(0, LEVELS[level - 1].maps).filter((source) => (pools ? maps.includes(source)
        : !partial || maps.some((map) => C3_CONNECTIONS[map].includes(source)))),
    });
  }
  return windows;
}

const isAll = ({ level, maps, side }) => maps.length === LEVELS[level].maps && side === LEVELS[level].size;

// One in each of the maps, or one around all.
function framesOf(window, wall) {
  const frames = wall ? window.maps.map((map) => frame({ ...window, map }, wall)) : [];
  if (!wall || !isAll(window)) return frames;
  const [[left, top], [x, y, side]] = [frames[0], frames.at(-1)];
  return [[left, top, x + side - left, y + side - top]];
}

function frame({ level, map, row, column, side: units = 1 }, [left, top, side, columns, gap]) {
  const [pitch, unit] = [side + gap, side / LEVELS[level].size];
  return [left + (map % columns) * pitch + column * unit,
    top + Math.floor(map / columns) * pitch + row * unit, units * unit, units * unit];
}

// For each key a point: of the next unit, at an edge in the next map; or of the layer before or after.
function waysFrom(unit, levels, walls) {
  const { level, row, column } = unit;
  const { size } = LEVELS[level];
  const middle = (unit) => frame(unit, walls[unit.level]).map((at, i, [, , side]) => at + (i < 2 ? side / 2 : 0));
  const [x, y, side] = middle(unit);
  const step = (isLast) => side + (isLast ? walls[level][4] : 0);
  function layer(by) {
    const to = levels[levels.indexOf(level) + by] ?? level;
    const alike = (name, all) => Math.floor(((unit[name] + 0.5) / LEVELS[level][all]) * LEVELS[to][all]);
    const [map, row, column] = [["map", "maps"], ["row", "size"], ["column", "size"]].map((of) => alike(...of));
    return middle({ level: to, map, row, column });
  }
  return {
    ArrowLeft: [x - step(column === 0), y], ArrowRight: [x + step(column === size - 1), y],
    ArrowUp: [x, y - step(row === 0)], ArrowDown: [x, y + step(row === size - 1)],
    ...(levels.length > 1 && { PageUp: layer(-1), PageDown: layer(1) }),
  };
}

function say([{ level, maps: [map], row, column }, ...sources], values, between) {
  const { name, size } = LEVELS[level];
  const place = size > 1 ? `map ${map}, row ${row}, column ${column}` : `unit ${map}`;
  const value = values && `: ${number(values[name.toLowerCase()].data[(map * size + row) * size + column])}`;
  return `${name}, ${place}${value ?? ""}, from ` +
    `${origin(sources.filter(({ level }, i) => between || !i || !level))}.`;
}

function origin(sources) {
  const names = sources.map(({ level }) => LEVELS[level].name);
  if (isAll(sources[0])) return `all of ${listed(names)}`;
  return listed(sources.map(({ level, maps, side }, i) => {
    const same = i && String(maps) === String(sources[i - 1].maps);
    const of = same ? "the same maps" : maps.length < LEVELS[level].maps ? mapsListed(maps) : `all ${maps.length} maps`;
    const square = `${side}\u00a0×\u00a0${side}`;
    return level ? `${square}${i ? "" : " units"} of ${of} of ${names[i]}` : `${square} pixels of ${names[i]}`;
  }), ", and ");
}

// About the longest words that there are.
export const longest = (between) => `${say(
  windowsOf({ level: between ? 4 : 3, map: 14, row: 4, column: 4 }, true), null, between)} −10.00`;
