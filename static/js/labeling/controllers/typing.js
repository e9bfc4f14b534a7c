// Counts how a text is entered: pastes, typed characters, edits and time. It is on the page only where its person has
// agreed, and it keeps numbers alone: no key, no word, no order of anything. They come along with what the form saves.
const LONGEST_GAP = 5000; // ms; whoever stops for longer is thinking or away
const BY_HAND = 40; // characters that no single press of a key brings; keyboards of phones paste as if they typed

export function connect(element) {
  const form = document.getElementById(element.dataset.form);
  const view = crypto.randomUUID();
  const counts = { pastes: 0, pasted: 0, longest: 0, typed: 0, edits: 0, seconds: 0 };
  let milliseconds = 0;
  let changedAt = null;
  let arriving = 0; // characters of a paste or drop whose input event comes next

  const pasted = (length) => {
    counts.pastes += 1;
    counts.pasted += length;
    counts.longest = Math.max(counts.longest, length);
  };
  const writes = (event) => event.target.matches?.("[data-writes]");
  const lengthOf = (text) => [...(text ?? "")].length;

  form.addEventListener(
    "paste",
    (event) => {
      if (writes(event)) arriving = lengthOf(event.clipboardData?.getData("text/plain"));
    },
    true,
  );
  form.addEventListener(
    "drop",
    (event) => {
      if (writes(event)) arriving = lengthOf(event.dataTransfer?.getData("text/plain"));
    },
    true,
  );
  form.addEventListener(
    "compositionend",
    (event) => {
      if (writes(event)) counts.typed += lengthOf(event.data);
    },
    true,
  );
  form.addEventListener(
    "input",
    (event) => {
      if (!writes(event)) return;
      const now = performance.now();
      if (changedAt !== null && now - changedAt <= LONGEST_GAP) milliseconds += now - changedAt;
      changedAt = now;
      counts.seconds = Math.round(milliseconds / 1000);
      const kind = event.inputType ?? "";
      if (
        kind === "insertFromPaste" ||
        kind === "insertFromDrop" ||
        kind === "insertFromYank" ||
        kind === "insertFromPasteAsQuotation"
      ) {
        pasted(arriving || lengthOf(event.data));
        arriving = 0;
      } else if (kind === "insertText") {
        const length = lengthOf(event.data);
        if (length > BY_HAND) pasted(length);
        else counts.typed += length;
      } else if (kind === "insertLineBreak" || kind === "insertParagraph") counts.typed += 1;
      else if (kind.startsWith("delete") || kind.startsWith("history") || kind === "insertReplacementText")
        counts.edits += 1;
    },
    true,
  );

  document.addEventListener("formdata", (event) => {
    if (event.target !== form) return;
    event.formData.set("typing_view", view);
    event.formData.set("typing_counts", JSON.stringify(counts));
  });
}
