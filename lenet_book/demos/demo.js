// JupyterLab takes arrow keys and letters as its own commands, "dd" even deletes the cell, unless the
// element that has the focus says that they are not meant for it.
function keepKeys(event) {
  if (event.target.closest(".lenet-demo")) event.target.dataset.lmSuppressShortcuts = "true";
}

function render() {
  document.addEventListener("focusin", keepKeys);
  return () => document.removeEventListener("focusin", keepKeys);
}

export default { render };
