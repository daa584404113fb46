// Views are loaded when they are looked at: by then the server may have gone, and come back.

/** Styles that did not arrive are asked for once more; the bundler's own loader takes them for loaded. */
async function mendStyles(): Promise<void> {
  const lacking = [...document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"][data-lacking]')];
  await Promise.all(
    lacking.map(
      (link) =>
        new Promise<void>((loaded, failed) => {
          const again = link.cloneNode() as HTMLLinkElement;
          again.onload = () => {
            delete again.dataset["lacking"];
            loaded();
          };
          again.onerror = () => failed(new Error(again.href));
          link.replaceWith(again);
        }),
    ),
  );
}

// Errors of resources do not bubble, but they can be caught on their way down.
addEventListener(
  "error",
  ({ target }) => {
    if (target instanceof HTMLLinkElement && target.rel === "stylesheet") target.dataset["lacking"] = "";
  },
  true,
);

/** A part of the page with its styles, also where an attempt before has failed. */
export async function loaded<Part>(part: () => Promise<Part>): Promise<Part> {
  await mendStyles();
  return part();
}
