// All demos, by the names that they have in Python.
export { c3_connections } from "./c3_connections.js";
export { cross_correlation } from "./cross_correlation.js";
export { padding_stride } from "./padding_stride.js";
export { receptive_field } from "./receptive_field.js";
