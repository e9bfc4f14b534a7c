// What every page needs: the CSRF token on htmx requests, the theme, and controllers by name.
// A controller is a file in js/WING/controllers/ that exports connect(element); an element asks for it
// with data-controller="WING/name". Elements that htmx brings in later are connected too.
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;
const person = meta("person");
const LEAVING = "leaving";

document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = meta("csrf-token");
});

// Whoever signs out leaves nothing in this browser. It goes when the server has agreed, not before; and what is not
// saved yet is saved first, or they hear of it and sign out once more.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches('form[action="/sign-out"], form[action="/account/sign-out-everywhere"]')) return;
  sessionStorage.setItem(LEAVING, person);
  if ("asked" in form.dataset || !hasDrafts()) return;
  event.preventDefault();
  const { saveEverything } = await import("./controllers/autosave.js");
  const saved = await saveEverything();
  form.dataset.asked = "";
  if (saved) form.requestSubmit();
});
const hasDrafts = () => Object.keys(localStorage).some((key) => key.startsWith(`kept:${person}:draft:`));
const left = sessionStorage.getItem(LEAVING);
sessionStorage.removeItem(LEAVING);
if (left && left !== person) import("./kept.js").then((kept) => kept.forgetAll(left));

// What an earlier page kept for this person is sent from whichever page they come to.
if (person && hasDrafts()) import("./controllers/autosave.js");

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  document.dispatchEvent(new CustomEvent("theme:change"));
});

// A box that scrolls sideways is reached by keyboard; one that does not is no stop on the way, unless its own script
// hears keys there ([data-table]).
const WIDE = ".article pre, .article .formula, .table-wrap:not([data-table]), .table-scroll";
const scrolling = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

const connected = new WeakSet();
async function connectAll(root) {
  root.querySelectorAll(WIDE).forEach((box) => scrolling.observe(box));
  for (const element of root.querySelectorAll("[data-controller]")) {
    if (connected.has(element)) continue;
    connected.add(element);
    const [wing, name] = element.dataset.controller.split("/");
    const module = await import(`/static/js/${wing}/controllers/${name}.js`);
    module.connect(element);
  }
}
connectAll(document);
document.addEventListener("htmx:after:swap", () => connectAll(document));
