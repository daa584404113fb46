// The playlist that is being made; outlives the tab.
import { buildPlaylist, type Playlist, type Wanted } from "../../../api/playlists";
import type { Track } from "../../../api/track";
import { Asked } from "../asking.svelte";

export type Measure = "minutes" | "songs";

/** A list with one of its items moved by so many places; the same list where there is no such place. */
export function moved<Item>(items: readonly Item[], from: number, by: number): Item[] {
  const list = [...items];
  const to = from + by;
  if (to < 0 || to >= list.length) return list;
  const [item] = list.splice(from, 1);
  if (item !== undefined) list.splice(to, 0, item);
  return list;
}

class Draft {
  query = $state("");
  seed = $state.raw<Track | null>(null);
  /** Moods in their order; empty for none. */
  moods = $state<string[]>([]);
  measure = $state<Measure>("minutes");
  minutes = $state(30);
  songs = $state(20);
  spacing = $state(3);
  randomSeed = $state(0);
  title = $state("");
  tracks = $state.raw<Track[]>([]);
  /** Whether rows were moved or taken out since it was made. */
  edited = $state(false);
  made = new Asked<Playlist>();

  get ready(): boolean {
    return this.query.trim() !== "" || this.seed !== null || this.moods.some(Boolean);
  }

  get wanted(): Wanted {
    const moods = this.moods.filter(Boolean).join("->");
    return {
      ...(this.query.trim() ? { query: this.query.trim() } : {}),
      ...(this.seed ? { seed: this.seed.id } : {}),
      ...(moods ? { mood: moods } : {}),
      ...(this.measure === "minutes" ? { minutes: this.minutes } : { songs: this.songs }),
      spacing: this.spacing,
      random_seed: this.randomSeed,
    };
  }

  async make(): Promise<void> {
    if (this.made.busy) return;
    const playlist = await this.made.ask((signal) => buildPlaylist(this.wanted, signal));
    if (!playlist) return;
    this.tracks = playlist.tracks;
    this.title = playlist.title;
    this.edited = false;
  }

  async makeAnother(): Promise<void> {
    if (this.made.busy) return;
    this.randomSeed += 1;
    await this.make();
  }

  move(row: number, by: number): void {
    this.tracks = moved(this.tracks, row, by);
    this.edited = true;
  }

  remove(row: number): void {
    this.tracks = this.tracks.filter((_, i) => i !== row);
    this.edited = true;
  }
}

export const draft = new Draft();
