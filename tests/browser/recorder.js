// Notes what is painted, in place of painting it, for test_in_step.py.
const POSITIONAL = {
  text: 3, title: 3, fill: 5, outline: 4, cross: 4, curve: 1, arrow: 4, image: 4, paste: 4, maps: 6,
  numbers: 4, grid: 5, bar: 6, answer: 4,
};

class Recorder {
  calls = [];
}

for (const [name, count] of Object.entries(POSITIONAL)) {
  Recorder.prototype[name] = function (...given) {
    if (given.length > count + 1) throw new Error(`${name} takes ${count} and a style`);
    const style = { ...lenetBook.DEFAULTS[name], ...given[count] };
    if (Object.keys(style).some((key) => !(key in (lenetBook.DEFAULTS[name] ?? {})))) {
      throw new Error(`${name} knows no ${Object.keys(style)}`);
    }
    this.calls.push([name, ...given.slice(0, count), ...Object.values(style)].map(packed));
  };
}

// An array as shape and bytes, which are shorter than numbers in words; words as words.
function packed(value, i) {
  if (Array.isArray(value)) {
    return packed({ shape: [value.length, 2], data: value.flat() });
  }
  if (value?.data) {
    const bytes = new Uint8Array(new Float32Array(value.data).buffer);
    return { shape: value.shape, bytes: bytes.toBase64() };
  }
  return value;
}

// For each setting of a demo, when all its work is done: what is painted and said, the limits, and what each action changes.
function record(name, settings) {
  const demo = lenetBook.demos[name];
  return settings.map((values) => {
    const sheet = new Recorder();
    for (const step of demo.later?.(demo.compute(values)) ?? []) void step;
    const facts = demo.compute(values);
    demo.paint(sheet, facts);
    const actions = Object.entries(demo.actions ?? {}).map(([key, act]) => [key, act(values)]);
    return {
      calls: sheet.calls, sentence: demo.say(facts),
      limits: demo.limits?.(values) ?? {}, actions: Object.fromEntries(actions),
    };
  });
}

function provide(name, base64) {
  lenetBook.provide(name, Uint8Array.fromBase64(base64));
}
