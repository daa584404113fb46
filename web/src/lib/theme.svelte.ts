// Light, dark or as the system says. Pictures that are drawn read `theme.drawn`, so that a change draws them anew.
import { recall, remember } from "./store";

export { colour } from "./colour";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];

function kept(): Theme {
  const found = recall("theme");
  return found === "light" || found === "dark" ? found : "auto";
}

class Themes {
  #chosen = $state<Theme>(kept());
  #system = $state(0);

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (this.#system += 1));
    // Chosen in another window.
    addEventListener("storage", ({ key }) => {
      if (key !== "theme") return;
      this.#chosen = kept();
      this.#apply();
    });
    this.#apply();
  }

  get chosen(): Theme {
    return this.#chosen;
  }

  set chosen(theme: Theme) {
    this.#chosen = theme;
    remember("theme", theme);
    this.#apply();
  }

  /** Changes with the colours; read it where a canvas is drawn. */
  get drawn(): string {
    return `${this.#chosen} ${this.#system}`;
  }

  #apply(): void {
    if (this.#chosen === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.#chosen;
  }
}

export const theme = new Themes();
