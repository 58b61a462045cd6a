// A LeNet-5 learns while one watches: in the kernel, which tells how far it has come, as a value. A page
// without a kernel replays a recorded run.
import { json } from "./files.js";
import { grouped, percent, range } from "./numbers.js";
import { BLUE, CENTRED, GREEN, INK, PALE, RED } from "./sheet.js";
import { tensor } from "./tensor.js";

const WINDOW = 1000; // digits of a training error
const [LEFT, TOP, WIDTH, HEIGHT, LOWEST] = [62, 38, 456, 208, 0.003]; // the curve, and an error rate
const [RIGHT, END] = [572, 828]; // what stands beside it

const inWords = ({ net, learning_rate, batch_size }) =>
  [`a net with ${net.join(", ")}`, `learning rate ${learning_rate}`, `batch size ${batch_size}`];

function compute({ progress, activation, pooling, ...chosen }) {
  const learns = inWords(progress);
  return {
    ...progress, kernels: tensor([6, 5, 5], Float32Array.from(progress.kernels)),
    other: inWords({ net: [activation, pooling], ...chosen }).filter((words) =>
      !learns.includes(words) && !progress.recorded),
  };
}

function paint(sheet, { total, seen, training, validation, kernels, net, validation_digits }) {
  axes(sheet, total);
  sheet.text(LEFT + WIDTH, 16, net.join(", "), { anchor: "rm" });
  for (const [points, colour] of [[training, BLUE], [validation, RED]]) {
    if (points.length) sheet.curve(points.map((point) => place(...point, total)), { colour, thickness: 3 });
  }
  for (const point of validation) {
    const [x, y] = place(...point, total);
    sheet.fill(x - 4, y - 4, 8, 8, RED);
  }
  sheet.answer(LEFT + 1, TOP - 4, WIDTH + 3, HEIGHT + 4);
  sheet.title(RIGHT, 16, "kernels of C1");
  sheet.maps(kernels, RIGHT, 30, 50, 3, 6);
  for (const [y, words] of [[48, "orange:"], [68, "above 0"], [100, "violet:"], [120, "below 0"]]) {
    sheet.text(RIGHT + 174, y, words);
  }
  for (const [y, name, points, how, colour] of [
    [160, "training", training, `last ${grouped(WINDOW)} or so, as it learned`, BLUE],
    [208, "■ validation", validation, `${grouped(validation_digits)} others, as it is now`, RED]]) {
    sheet.title(RIGHT, y, name, { colour });
    const error = points.length ? percent(points.at(-1)[1], 1) : "not yet";
    sheet.text(END, y, error, { size: 22, colour, anchor: "rm", bold: true });
    sheet.text(RIGHT, y + 21, how);
    sheet.answer(RIGHT + 136, y - 13, END - RIGHT - 132, 24);
  }
  sheet.bar(RIGHT, 248, END - RIGHT, 14, seen / total, GREEN);
  sheet.text(RIGHT, 280, `${grouped(seen)} of ${grouped(total)} digits`);
}

function axes(sheet, total) {
  sheet.title(16, 16, "digits read wrong");
  for (const error of [1, 0.3, 0.1, 0.03, 0.01, 0.003]) {
    const [, y] = place(0, error, total);
    sheet.fill(LEFT, y, WIDTH, 1, PALE);
    sheet.text(LEFT - 6, y, percent(error, error < 0.01 ? 1 : 0), { anchor: "rm" });
  }
  for (const part of range(0, 5)) {
    const x = LEFT + (WIDTH * part) / 4;
    sheet.fill(x, TOP, 1, HEIGHT, PALE);
    sheet.text(x, TOP + HEIGHT + 14, grouped(Math.floor((total * part) / 4)), CENTRED);
  }
  sheet.fill(LEFT, TOP + HEIGHT, WIDTH, 1, INK);
  sheet.text(LEFT + WIDTH / 2, TOP + HEIGHT + 35, "digits seen", CENTRED);
}

// Where a point of the curve lies: the error on a logarithmic scale, 100 % at the top.
const place = (seen, error, total) =>
  [LEFT + (WIDTH * seen) / total, TOP + (HEIGHT * Math.log(Math.max(error, LOWEST))) / Math.log(LOWEST)];

function say(facts) {
  const { trouble, running, seen, total, training, validation, other, recorded } = facts;
  if (trouble) return trouble;
  const net = facts.net.join(", ");
  const how = inWords(facts).slice(1).join(", ");
  const end = recorded ? " This page replays a recorded run: choices act in a notebook."
    : other.length ? ` For ${other.join(" and ")} press start.` : "";
  if (!seen) {
    const state = running ? "has begun to learn" : "has learned nothing yet";
    return `A fresh net with LeNet-5's layers (${net}) and ${grouped(facts.parameters)} parameters ${state}` +
      `${running || other.length ? "" : "; press start"}. One epoch: ${grouped(total)} digits, ${how}.${end}`;
  }
  const state = running ? "Learning" : seen >= total ? "Epoch finished" : "Stopped";
  const error = (points) => percent(points.at(-1)[1], 1);
  const wrong = [
    training.length && `${error(training)} of the last ${grouped(WINDOW)} or so, as it learned`,
    validation.length && `${error(validation)} of ${grouped(facts.validation_digits)} validation digits`,
  ].filter(Boolean);
  return `${state}: ${grouped(seen)} of ${grouped(total)} digits seen (${net}; ${how}).` +
    (wrong.length ? ` Read wrong: ${wrong.join("; ")}.` : "") + end;
}

// The recorded run, where there is no kernel.
const RUN = "training-run";
const needs = ({ progress }) => (progress.recorded ? [RUN] : []);

// Changes to the first recorded state in which more than that many digits have been seen; none after the last.
function after(seen) {
  const { states, training, validation, ...run } = json(RUN);
  const [now, thousandths] = states.find(([digits]) => digits > seen) ?? [];
  if (now === undefined) return {};
  const until = (points) => points.filter(([digits]) => digits <= now);
  return {
    progress: {
      ...run, seen: now, running: now < run.total, trouble: "", training: until(training),
      validation: until(validation), kernels: thousandths.map((weight) => weight / 1000),
    },
  };
}

const next = ({ progress }) => after(progress.seen);

const actions = {
  start: () => after(-1),
  stop: ({ progress }) => ({ progress: { ...progress, running: false } }),
  continue: next,
  reset: ({ progress }) => (progress.recorded ? actions.stop(after(-1)) : {}), // else it is the kernel's
};

// What goes on by itself: while next gives something, put it into the controls after so many seconds.
const play = {
  seconds: 0.25,
  next: (values) => (values.progress.recorded && values.progress.running ? next(values) : null),
};

export const training = { compute, paint, say, needs, actions, play };
