// The late part of the banner's script, which only some pages load. It is found by an event, as the guard is: it may be on
// the page before the core, and a page that a script puts into this one may bring a second one.
const makeMore = (tools) => {
  const places = makePlaces(
    services.map((service, at) => [tools.placed[at], ...service]),
    tools,
  );
  return {
    places,
    activate: makeActivation({ ...tools, update: places.update }),
    fillDeclarations,
    openSettings: makeSettings(tools),
  };
};
addEventListener(
  "cookieconsent:more",
  (event) => {
    event.stopImmediatePropagation();
    if (event.detail) event.detail.make = makeMore;
  },
  true,
);
