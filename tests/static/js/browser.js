// As little of a browser as the modules under test touch: a document with some elements, and a place that keeps texts.

export function element(matching = "") {
  const listeners = {};
  return {
    attributes: {},
    hidden: true,
    matches: (selector) => matching !== "" && selector.includes(matching),
    setAttribute(name, value) {
      this.attributes[name] = value;
    },
    addEventListener(type, act) {
      listeners[type] = [...(listeners[type] ?? []), act];
    },
    fire(type, event = {}) {
      for (const act of listeners[type] ?? []) act({ target: this, preventDefault() {}, ...event });
    },
  };
}

// elements: selector → element; what is not there is not found.
export function open(elements = {}) {
  globalThis.document = Object.assign(element(), { querySelector: (selector) => elements[selector] ?? null });
  return globalThis.document;
}

// Object.keys gives its names, as it does in browsers.
export function storage(room = Number.POSITIVE_INFINITY) {
  const methods = {
    getItem: (name) => (Object.hasOwn(globalThis.localStorage, name) ? globalThis.localStorage[name] : null),
    removeItem: (name) => delete globalThis.localStorage[name],
    setItem: (name, text) => {
      if (text.length > room) throw new Error("QuotaExceededError");
      globalThis.localStorage[name] = text;
    },
  };
  globalThis.localStorage = Object.create(methods);
}
