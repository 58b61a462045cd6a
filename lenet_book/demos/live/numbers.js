// Numbers and places as the sentences and pictures write them: the format of Python, see ../words.py.

// The digits that Python's format gives. toFixed is exact too, but sends a tie up and not to even.
export function fixed(value, decimals = 0) {
  const [size, tail] = [Math.abs(value), 40];
  let words = size.toFixed(decimals);
  const beyond = size.toFixed(decimals + tail).slice(-tail);
  if (/^50*$/.test(beyond) && Number(words.at(-1)) % 2) {
    const digits = String(BigInt(words.replace(".", "")) - 1n).padStart(decimals + 1, "0");
    words = decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
  }
  return words;
}

// With a true minus sign, and none before a zero.
export function number(value, decimals = 2) {
  const words = fixed(value, decimals);
  return (value < 0 && Number(words) !== 0 ? "−" : "") + words;
}

// To the nearest whole number, a half to the even one.
export function round(value) {
  const near = Math.round(value); // which sends a half up
  return near - value === 0.5 && near % 2 ? near - 1 : near;
}

export const grouped = (count) => count.toLocaleString("en-US"); // 61,706
export const percent = (share, decimals = 0) => `${fixed(100 * share, decimals)}%`;
export const signed = (value, decimals = 2) =>
  `${number(value, decimals)[0] === "−" ? "−" : "+"} ${number(Math.abs(value), decimals)}`;
export const plural = (word, count) => word + (count === 1 ? "" : "s");

// [0, 1, 2] -> "0, 1 and 2".
export const listed = (things, and = " and ") =>
  [things.slice(0, -1).join(", "), ...things.slice(-1)].filter((words) => words !== "").join(and);
// [0, 1, 2] -> "maps 0, 1 and 2".
export const mapsListed = (maps) => (maps.length ? `${plural("map", maps.length)} ${listed(maps)}` : "no map");

// A shift in pixels, such as "2 right, 1 up"; empty for none.
export function moved(right, down) {
  const ways = [[right, right > 0 ? "right" : "left"], [down, down > 0 ? "down" : "up"]];
  return ways.filter(([by]) => by).map(([by, way]) => `${Math.abs(by)} ${way}`).join(", ");
}

// From the first to the last of some rows or columns: "row 4" or "rows 4 to 17".
export const span = (name, places) =>
  places.length === 1 ? `${name} ${places[0]}` : `${name}s ${places[0]} to ${places.at(-1)}`;

// The name under which a table has that value, if it has it.
export const nameIn = (table, value) =>
  Object.keys(table).find((name) => JSON.stringify(table[name]) === JSON.stringify(value));

// The cell at a point of a square grid, null beyond its edges. size: of a cell. count: of cells a side.
export function cellAt(x, y, size, count) {
  const [row, column] = [y, x].map((at) => Math.floor(at / size));
  return Math.min(row, column) >= 0 && Math.max(row, column) < count ? { row, column } : null;
}

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
export const sum = (numbers) => numbers.reduce((total, value) => total + value, 0);
export const range = (from, to, step = 1) =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + step * i);
// One of these and one of those, all such pairs.
export const pairs = (some, others) => some.flatMap((one) => others.map((other) => [one, other]));

// A digit with its article.
export const article = (digit) => (digit === 8 ? `an ${digit}` : `a ${digit}`);
