// All demos, by the names that they have in Python.
export { cross_correlation } from "./cross_correlation.js";
export { find_the_digit } from "./find_the_digit.js";
export { padding_stride } from "./padding_stride.js";
