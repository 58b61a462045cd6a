// All demos, by the names that they have in Python.
export { cross_correlation } from "./cross_correlation.js";
export { draw_digit } from "./draw_digit.js";
export { feature_maps } from "./feature_maps.js";
export { padding_stride } from "./padding_stride.js";
