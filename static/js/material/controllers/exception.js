// The three parts of the evaluation's exception (IG Fig. 10): it holds only with all of them. A prompt that is marked
// high stakes has no third box to tick, so it never holds there.
const PARTS = 3;

export function connect(form) {
  const verdict = form.querySelector("[data-verdict]");
  form.addEventListener("change", () => {
    const holds = form.querySelectorAll("input:checked").length === PARTS;
    verdict.value = holds ? form.dataset.holds : form.dataset.fails;
    form.classList.toggle("holds", holds);
  });
}
