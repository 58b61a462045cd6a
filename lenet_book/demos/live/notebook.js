// A demo in a notebook, as anywidget wants it: see Page in ../page.py for what the model holds.
import { demos } from "./demos.js";
import { show } from "./host.js";
import { controlsOf } from "./widgets.js";

// JupyterLab takes arrow keys and letters as its own commands, "dd" even deletes the cell, unless the
// element that has the focus says that they are not meant for it.
const keepKeys = ({ target }) => { target.dataset.lmSuppressShortcuts = "true"; };

async function render({ model, el }) {
  const description = model.get("demo");
  const controls = await controlsOf(model);
  const end = show(demos[description.name], description, el, controls);
  el.closest(".lenet-demo").addEventListener("focusin", keepKeys);
  return () => {
    end();
    controls.close();
  };
}

export default { render };
