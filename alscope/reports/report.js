// Draws the figures; until then, without scripts, and on paper, the pictures stand in for them.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const themes = read("themes");
  const narrow = window.matchMedia("(max-width: 44rem)");
  function theme() {
    const config = dark.matches ? themes.dark : themes.light;
    if (!narrow.matches) return config;
    return { ...config, legend: { ...config.legend, orient: "bottom", columns: 2 } };
  }
  const drawn = new Map();
  async function draw(figure) {
    const spec = read(figure.dataset.spec);
    const options = {
      config: theme(), renderer: "svg", ast: true, tooltip: { theme: dark.matches ? "dark" : "light" },
      actions: { export: true, source: false, compiled: false, editor: false },
      downloadFileName: figure.dataset.name,
    };
    const former = drawn.get(figure);
    figure.classList.add("drawn"); // the width is known only where there is one
    try {
      drawn.set(figure, await window.vegaEmbed(figure.querySelector(".live"), spec, options));
      if (former) former.finalize();
    } catch (error) {
      figure.classList.remove("drawn");
      throw error;
    }
  }
  const figures = Array.from(document.querySelectorAll("figure[data-spec]"));
  const all = () => Promise.all(figures.map(draw));
  dark.addEventListener("change", all);
  narrow.addEventListener("change", all);
  all().then(() => { document.body.dataset.ready = "yes"; });
})();
