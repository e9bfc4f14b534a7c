// Raw view: every text of the page exactly as it is, by the button or by r. It stays for the task that it was asked for.
import { onPageKeys } from "../keys.js";

const KEPT = "raw view of";

export function connect(button) {
  const place = location.pathname.replace(/\/rank$/, "");
  const show = (raw) => {
    document.body.classList.toggle("raw-view", raw);
    button.setAttribute("aria-pressed", String(raw));
    document.dispatchEvent(new CustomEvent("raw:change"));
  };
  button.addEventListener("click", () => {
    const raw = !document.body.classList.contains("raw-view");
    if (raw) sessionStorage.setItem(KEPT, place);
    else sessionStorage.removeItem(KEPT);
    show(raw);
  });
  onPageKeys({ r: () => button.click() });
  if (sessionStorage.getItem(KEPT) === place) show(true);
}
