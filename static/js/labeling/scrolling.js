// Places that scroll together, each by the same share of its own length. The one under the person's hand leads, so
// that those who follow do not lead back.
export function followEachOther(places, isOn) {
  let leader = null;
  const lead = (place) => () => {
    leader = place;
  };
  for (const place of places) {
    for (const touch of ["wheel", "pointerdown", "touchstart", "keydown", "focusin"]) {
      place.addEventListener(touch, lead(place), { passive: true });
    }
    place.addEventListener(
      "scroll",
      () => {
        if (place !== leader || !isOn()) return;
        const share = place.scrollTop / Math.max(1, place.scrollHeight - place.clientHeight);
        for (const other of places) {
          if (other !== place) other.scrollTop = share * (other.scrollHeight - other.clientHeight);
        }
      },
      { passive: true },
    );
  }
}
