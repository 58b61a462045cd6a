// The controls of a demo in a notebook: ipywidgets, whose models in the page are read and set.
import { provide } from "./files.js";

const model = (manager, reference) => manager.get_model(reference.replace("IPY_MODEL_", ""));

export async function gunzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function controlsOf(page) {
  const { controls, kernel_buttons } = page.get("demo");
  const models = {};
  for (const [name, reference] of Object.entries(page.get("models"))) {
    models[name] = await model(page.widget_manager, reference);
  }
  const chosen = (name) => controls[name].kind === "choice" || controls[name].kind === "stops";
  const [listeners, attribute] = [[], (name) => (chosen(name) ? "index" : "value")];
  const pressed = Object.keys(controls).filter((name) => controls[name].kind === "button");
  const named = Object.keys(controls).filter((name) => !pressed.includes(name));

  function value(name) {
    const now = models[name].get(attribute(name));
    return chosen(name) ? controls[name].options[now]?.[1] : now;
  }

  function change(name, changes) {
    models[name].set(changes);
    models[name].save_changes();
  }

  return {
    values: () => Object.fromEntries(named.map((name) => [name, value(name)])),
    put(changes) {
      for (const [name, now] of Object.entries(changes)) {
        const index = controls[name].options?.findIndex(([, option]) => option === now);
        change(name, { [attribute(name)]: chosen(name) ? index : now });
      }
    },
    limit(limits) {
      for (const [name, max] of Object.entries(limits)) {
        if (max !== models[name].get("max")) change(name, { max, value: Math.min(value(name), max) });
      }
    },
    tell: (name, facts) => models[name].set(facts),
    highest: (name) => models[name].get("max"),
    // A kernel that does what the buttons say begins afresh with these values, which it is told once more: what the
    // controls tell it may come later.
    reset(first) {
      const held = models[named.find((name) => controls[name].kind === "held")];
      if (kernel_buttons && held.comm_live) held.send(first);
    },
    // Calls this once when the kernel has gone that has made the models: no other will hear of them.
    whenAlone(listener) {
      const all = Object.values(models);
      const timer = setInterval(() => {
        // In JupyterLab the manager knows that the kernel was shut down; a restart it tells the models.
        if (all[0].comm_live && all[0].widget_manager.kernel !== null) return;
        clearInterval(timer);
        for (const one of all) one.comm_live = false; // so that nothing is sent any more
        for (const name of pressed) models[name].set("disabled", true);
        listener();
      }, 1000);
      listeners.push(() => clearInterval(timer));
    },
    listen(moved) {
      for (const name of named) {
        // While a model is told something by the kernel it holds what that is.
        const listener = () => moved(name, !models[name]._state_lock);
        models[name].on(`change:${attribute(name)}`, listener);
        listeners.push(() => models[name].off(`change:${attribute(name)}`, listener));
      }
    },
    async load(names) {
      for (const name of names) {
        const file = await model(page.widget_manager, page.get("files")[name]);
        provide(name, await gunzip(file.get("content")));
      }
    },
    close: () => listeners.forEach((stop) => stop()),
  };
}
