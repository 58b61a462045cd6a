// Paper is white: a page that is dark on the screen is printed as a light one.
{
  const root = document.documentElement.dataset;
  let theme;
  addEventListener("beforeprint", () => { theme = root.theme; root.theme = "light"; });
  addEventListener("afterprint", () => { root.theme = theme; });
}
