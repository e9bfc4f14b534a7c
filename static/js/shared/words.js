// Sentences of scripts, in the language of the page: `_("Saved %(n)s s ago", { n: 5 })`. The page brings their
// translations with it (base.html); what it does not bring is said in English, the language of the source.
const words = JSON.parse(document.querySelector("#words")?.textContent || "{}");

export function _(message, values = {}) {
  return filled(words[message]?.[0] ?? message, values);
}

// English has two forms; a language of one form has one translation.
export function ngettext(singular, plural, count, values = {}) {
  const forms = words[singular];
  const sentence = forms ? forms[Math.min(forms.length - 1, count === 1 ? 0 : 1)] : count === 1 ? singular : plural;
  return filled(sentence, { num: count, ...values });
}

const filled = (sentence, values) =>
  sentence.replace(/%(?:\((\w+)\)s|%)/g, (whole, name) => (name ? (values[name] ?? whole) : "%"));
