import { _ } from "../../shared/words.js";

// The form for scores: one more field for an answer, as many as the page takes.
export function connect(element) {
  const fields = element.querySelector("[data-fields]");
  const add = element.querySelector("[data-add]");
  const most = Number(element.dataset.most);

  add.hidden = false;
  add.addEventListener("click", () => {
    const field = fields.lastElementChild.cloneNode(true);
    const text = field.querySelector("textarea");
    const name = _("Answer %(letter)s", { letter: fields.children.length + 1 });
    field.firstChild.textContent = `${name} `;
    text.value = "";
    fields.append(field);
    text.focus();
    add.disabled = fields.children.length >= most;
  });
}
