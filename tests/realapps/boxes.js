// Where the visible elements of a page stand, by their path from body. What the middleware adds is left out.
() => {
  const found = {};
  let left = 400;
  const walk = (parent, path, depth) => {
    const count = {};
    for (const element of parent.children) {
      if (element.id === "consent-root" || element.closest("svg")) continue;
      const box = element.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      const name = element.localName;
      count[name] = (count[name] ?? 0) + 1;
      const own = `${path}>${name}:${count[name]}`;
      if (--left < 0) return;
      found[own] = [box.x + scrollX, box.y + scrollY, box.width, box.height].map(Math.round);
      if (depth < 7) walk(element, own, depth + 1);
    }
  };
  if (document.body) walk(document.body, "", 0);
  return found;
}
