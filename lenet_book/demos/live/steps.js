// One step of a demo that plays: the first of its controls moves on, and the next one where it ends.

// plays: names of controls. described: kind, range or options of each. highest(name): its largest
// value now. Gives {name: value}, or null where all of them are at their end.
export function stepped(plays, described, values, highest, by) {
  const changes = {};
  for (const name of plays) {
    const { kind, min, step, options } = described[name];
    const slider = kind === "slider";
    const places = slider ? Math.floor((highest(name) - min) / step + 1e-9) + 1 : options.length;
    const value = (place) => (slider ? min + place * step : options[place][1]);
    const place = slider
      ? Math.round((values[name] - min) / step)
      : options.findIndex(([, option]) => option === values[name]);
    if (0 <= place + by && place + by < places) return { ...changes, [name]: value(place + by) };
    changes[name] = value(by > 0 ? 0 : places - 1);
  }
  return null;
}
