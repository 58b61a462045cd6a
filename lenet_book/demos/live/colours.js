// Matplotlib's PuOr_r in 256 steps: ColorBrewer's eleven colours from violet over white to orange, and what lies
// between them.
const BREWER = ["#2D004B", "#542788", "#8073AC", "#B2ABD2", "#D8DAEB", "#F7F7F7", "#FEE0B6", "#FDB863", "#E08214",
  "#B35806", "#7F3B08"].map(rgb);

// The red, green and blue of a colour, each 0 to 255.
export function rgb(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
}

export const SIGNED = Array.from({ length: 256 }, (_, i) => {
  const place = (i / 255) * (BREWER.length - 1);
  const [before, after] = [Math.floor(place), Math.ceil(place)].map((at) => BREWER[at]);
  return before.map((value, k) => Math.round(value + (place % 1) * (after[k] - value)));
});
