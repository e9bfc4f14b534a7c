// A form whose work takes long: once it is sent, its button waits and the form says what is going on, so that nobody
// sends it twice. Whoever comes back to the page finds it as it was.
export function connect(form) {
  const button = form.querySelector("button:not([type=button])");
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  button.before(said);
  const show = (busy) => {
    button.disabled = busy;
    form.setAttribute("aria-busy", String(busy));
    said.textContent = busy ? form.dataset.busy : "";
  };
  show(false);
  window.addEventListener("pageshow", () => show(false));
  form.addEventListener("submit", (event) => {
    // Not before the browser has read the form: it leaves out a button that waits.
    if (!event.defaultPrevented) setTimeout(() => show(true));
  });
}
