// A LeNet-5 learns while one watches: in the kernel, which tells how far it has come, as a value. A page
// without a kernel replays a recorded run.
import { json } from "./files.js";
import { grouped, percent, range } from "./numbers.js";
import { BLUE, GREEN, INK, PALE, RED } from "./sheet.js";
import { tensor } from "./tensor.js";

const WINDOW = 1000; // digits of a training error
const [LEFT, TOP, WIDTH, HEIGHT, LOWEST] = [64, 40, 470, 310, 0.003]; // the curve, and an error rate

function compute({ progress, learning_rate, batch_size, activation, pooling }) {
  const { recorded, net, kernels } = progress;
  const same = recorded || (net[0] === activation && net[1] === pooling);
  return {
    learning_rate, batch_size, ...progress, ...recorded, recorded: recorded !== null,
    kernels: tensor([6, 5, 5], Float32Array.from(kernels.flat(2))), other: same ? [] : [activation, pooling],
  };
}

function paint(sheet, facts) {
  const { total, seen, training, validation, kernels, net, other } = facts;
  const write = (x, y, words, style = {}) => sheet.text(x, y, words, { anchor: "lm", ...style });
  axes(sheet, total);
  for (const [points, colour] of [[training, BLUE], [validation, RED]]) {
    if (points.length) sheet.curve(points.map((point) => place(...point, total)), { colour });
  }
  for (const point of validation) {
    const [x, y] = place(...point, total);
    sheet.fill(x - 3, y - 3, 6, 6, RED);
  }
  const legend = { anchor: "rm", bold: true };
  write(LEFT + WIDTH - 12, TOP + 14, "training digits", { ...legend, colour: BLUE });
  write(LEFT + WIDTH - 12, TOP + 32, "■ validation digits", { ...legend, colour: RED });
  sheet.title(580, 22, "the kernels of C1");
  sheet.maps(kernels, 580, 44, 70, 3, 8);
  write(580, 218, "orange above zero, violet below", { size: 12 });
  sheet.title(580, 250, "validation error");
  if (validation.length) sheet.title(580, 284, percent(validation.at(-1)[1], 1), { size: 30, colour: RED });
  else sheet.title(580, 284, "not tried yet", { size: 20, colour: RED });
  sheet.bar(580, 322, 230, 22, seen / total, GREEN);
  write(580, 356, `${grouped(seen)} of ${grouped(total)} digits seen`);
  write(580, 374, net.join(", "));
  write(580, 392, `learning rate ${facts.learning_rate}, ${facts.batch_size} a step`);
  if (facts.recorded) write(LEFT, 410, "a recorded run: choices act in a notebook", { colour: RED });
  else if (other.length) {
    write(LEFT, 410, `chosen for the next net: ${other.join(", ")} (press start)`, { colour: RED });
  }
}

function axes(sheet, total) {
  sheet.title(LEFT, 22, "digits read wrong");
  for (const error of [1, 0.3, 0.1, 0.03, 0.01, 0.003]) {
    const [, y] = place(0, error, total);
    sheet.fill(LEFT, y, WIDTH, 1, PALE);
    sheet.text(LEFT - 8, y, percent(error, error < 0.01 ? 1 : 0), { size: 12, anchor: "rm" });
  }
  for (const part of range(0, 5)) {
    const x = LEFT + (WIDTH * part) / 4;
    sheet.fill(x, TOP, 1, HEIGHT, PALE);
    sheet.text(x, TOP + HEIGHT + 14, grouped(Math.floor((total * part) / 4)), { size: 12 });
  }
  sheet.fill(LEFT, TOP + HEIGHT, WIDTH, 1, INK);
  sheet.text(LEFT + WIDTH / 2, TOP + HEIGHT + 36, "digits seen");
}

// Where a point of the curve lies: the error on a logarithmic scale, 100 % at the top.
const place = (seen, error, total) =>
  [LEFT + (WIDTH * seen) / total, TOP + (HEIGHT * Math.log(Math.max(error, LOWEST))) / Math.log(LOWEST)];

function say(facts) {
  const { trouble, running, seen, total, training, validation, net, other, batch_size, recorded } = facts;
  if (trouble) return trouble;
  const [rate, end] = [`learning rate ${facts.learning_rate}`, recorded
    ? " This page replays a recorded run: choices act in a notebook."
    : other.length ? ` For a net with ${other.join(" and ")} pooling press start.` : ""];
  if (!seen) {
    const state = running ? "has begun to learn" : "has learned nothing yet";
    return `A fresh net with LeNet-5's layers (${net.join(", ")} pooling) ${state}` +
      `${running || other.length ? "" : "; press start"}. One epoch: ${grouped(total)} digits, ` +
      `${batch_size} a step, ${rate}.${end}`;
  }
  const state = running ? "Learning" : seen >= total ? "Epoch finished" : "Stopped";
  const words = [`${state}: ${grouped(seen)} of ${grouped(total)} digits seen by ` +
    `${grouped(facts.parameters)} parameters (${net.join(", ")} pooling; ${rate}, ${batch_size} a step)`];
  const wrong = (points) => percent(points.at(-1)[1], 1);
  if (training.length) words.push(`of the last ${grouped(WINDOW)} or so ${wrong(training)} were read wrong`);
  if (validation.length) {
    words.push(`of ${grouped(facts.validation_digits)} validation digits ${wrong(validation)}`);
  }
  return `${words.join("; ")}.${end}`;
}

// The recorded run, where there is no kernel.
const RUN = "training-run";
const needs = ({ progress }) => (progress.recorded ? [RUN] : []);

// The first recorded state in which more than that many digits have been seen; null after the last.
function after(seen) {
  const { states, training, validation, ...run } = json(RUN);
  const [now, thousandths] = states.find(([digits]) => digits > seen) ?? [];
  if (now === undefined) return null;
  const until = (points) => points.filter(([digits]) => digits <= now);
  return {
    ...run, seen: now, running: now < run.total, trouble: "", training: until(training),
    validation: until(validation),
    kernels: range(0, 6).map((kernel) => range(0, 5).map((row) =>
      thousandths.slice(25 * kernel + 5 * row, 25 * kernel + 5 * row + 5).map((weight) => weight / 1000))),
  };
}

function next({ progress }) {
  const progressed = after(progress.seen);
  return progressed ? { progress: progressed } : {};
}

const actions = {
  start: () => ({ progress: after(-1) }),
  stop: ({ progress }) => ({ progress: { ...progress, running: false } }),
  continue: next,
};

// What goes on by itself: while next gives something, put it into the controls after so many seconds.
const play = {
  seconds: 0.25,
  next: (values) => (values.progress.recorded && values.progress.running ? next(values) : null),
};

export const training = { compute, paint, say, needs, actions, play };
