// The view and its parameters live in the fragment: #/library?query=genre:jazz. Links work, and so does the back button.
export const VIEWS = ["listen", "library", "compose", "mood", "lab"] as const;
export type View = (typeof VIEWS)[number];

function parse(hash: string): { view: View; params: URLSearchParams } {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const view = VIEWS.find((name) => name === path) ?? "listen";
  return { view, params: new URLSearchParams(query) };
}

class Route {
  #now = $state.raw(parse(location.hash));

  constructor() {
    addEventListener("hashchange", () => (this.#now = parse(location.hash)));
  }

  get view(): View {
    return this.#now.view;
  }

  get params(): URLSearchParams {
    return this.#now.params;
  }
}

export const route = new Route();

/** The address of a view with parameters. */
export function href(view: View, params: Record<string, string | number> = {}): string {
  const query = new URLSearchParams(Object.entries(params).map(([name, value]) => [name, String(value)])).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}
