// The controls of a wish as a form holds them, and as the server takes them.
import type { Asked, Engine, Heading } from "../../api/compose";

export const BY_VALUES = "*";
export type Unit = "bars" | "seconds";

/** What the fields hold; empty text and null are open. */
export class Controls {
  genre = $state("");
  /** A mood's name, "" for any, or BY_VALUES. */
  mood = $state("");
  valence = $state(0);
  arousal = $state(0);
  tempo = $state<number | null>(null);
  key = $state("");
  metre = $state("");
  length = $state<number | null>(null);
  unit = $state<Unit>("bars");
  instruments = $state<string[]>([]);
  density = $state("");
  style = $state("");

  /** Takes over what a piece has. */
  fill(from: Heading): void {
    this.genre = from.genre ?? "";
    this.valence = from.valence ?? 0;
    this.arousal = from.arousal ?? 0;
    this.mood = from.valence === null && from.arousal === null ? "" : BY_VALUES;
    this.tempo = from.tempo_bpm === null ? null : Math.round(from.tempo_bpm * 100) / 100;
    this.key = from.key ?? "";
    this.metre = from.metre ?? "";
    this.unit = from.seconds === null ? "bars" : "seconds";
    this.length = from.seconds ?? from.bars;
    this.instruments = [...from.instruments];
    this.density = from.density === null ? "" : String(from.density);
    this.style = from.style ?? "";
  }

  clear(): void {
    this.fill({
      genre: null, mood: null, valence: null, arousal: null, tempo_bpm: null, key: null, metre: null, bars: null,
      seconds: null, instruments: [], density: null, style: null,
    });
  }

  /** Only what the engine hears; spectra know genre, mood and length. */
  asked(engine: Engine): Asked {
    const byValues = this.mood === BY_VALUES;
    const common: Asked = {
      genre: this.genre || null,
      ...(byValues ? { valence: this.valence, arousal: this.arousal } : { mood: this.mood || null }),
    };
    if (engine === "spectra") return { ...common, seconds: this.length };
    return {
      ...common,
      tempo_bpm: this.tempo,
      key: this.key || null,
      metre: this.metre || null,
      ...(this.unit === "bars" ? { bars: this.length } : { seconds: this.length }),
      instruments: this.instruments.length ? [...this.instruments] : null,
      density: this.density === "" ? null : Number(this.density),
      style: this.style || null,
    };
  }
}
