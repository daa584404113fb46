// What is played: a queue, and one audio element that outlives the views.
import { url } from "../api/client";
import { labelOf, titleOf, type Track } from "../api/track";
import { recall, remember } from "../lib/store";
import { words } from "../strings";

/** Volume that brings a recording to the common loudness; an element cannot amplify, so quiet ones stay as they are. */
export function volumeFor(volume: number, gainDb: number | null, levelled: boolean): number {
  const factor = levelled && gainDb !== null ? 10 ** (gainDb / 20) : 1;
  return Math.min(1, Math.max(0, volume * Math.min(1, factor)));
}

function kept(name: string, fallback: number): number {
  const found = recall(name);
  return found !== null && Number.isFinite(Number(found)) ? Number(found) : fallback;
}

class Player {
  queue = $state.raw<readonly Track[]>([]);
  index = $state(-1);
  playing = $state(false);
  /** Seconds. */
  time = $state(0);
  /** Seconds; of the file where known, else of the analysis. */
  length = $state(0);
  /** 0 to 1. */
  volume = $state(Math.min(1, Math.max(0, kept("volume", 1))));
  /** Whether recordings are brought to one loudness. */
  levelled = $state(kept("levelled", 1) === 1);
  problem = $state("");
  #audio: HTMLAudioElement | null = null;

  get current(): Track | null {
    return this.queue[this.index] ?? null;
  }

  /** Play a list from one of its tracks on. */
  play(tracks: readonly Track[], index = 0): void {
    if (!tracks[index]) return;
    this.queue = [...tracks];
    this.#load(index);
  }

  /** Whether this very track is playing now. */
  isPlaying(track: Track): boolean {
    return this.playing && this.current?.id === track.id;
  }

  toggle(): void {
    if (!this.#audio || !this.current) return;
    if (this.playing) this.#audio.pause();
    else this.#start();
  }

  next(): void {
    if (this.index + 1 < this.queue.length) this.#load(this.index + 1);
  }

  /** The one before; within a track, its beginning. */
  previous(): void {
    if (this.time > 3 || this.index === 0) this.seek(0);
    else if (this.index > 0) this.#load(this.index - 1);
  }

  seek(seconds: number): void {
    if (!this.#audio) return;
    this.#audio.currentTime = Math.min(Math.max(0, seconds), this.length || 0);
    this.time = this.#audio.currentTime;
  }

  setVolume(volume: number): void {
    this.volume = Math.min(1, Math.max(0, volume));
    remember("volume", String(this.volume));
    this.#level();
  }

  setLevelled(levelled: boolean): void {
    this.levelled = levelled;
    remember("levelled", levelled ? "1" : "0");
    this.#level();
  }

  /** End, and forget the queue. */
  close(): void {
    this.#audio?.pause();
    this.#audio?.removeAttribute("src");
    this.#audio?.load();
    this.queue = [];
    this.index = -1;
    this.problem = "";
    if ("mediaSession" in navigator) navigator.mediaSession.metadata = null;
  }

  #load(index: number): void {
    const audio = this.#element();
    this.index = index;
    this.problem = "";
    this.time = 0;
    const track = this.current;
    if (!track) return;
    this.length = track.duration_s ?? 0;
    audio.src = url(`/library/tracks/${track.id}/audio`);
    this.#level();
    this.#announce(track);
    this.#start();
  }

  #start(): void {
    // A browser may refuse to begin by itself: the bar then shows it as paused.
    void this.#element().play().catch(() => undefined);
  }

  #level(): void {
    if (this.#audio) this.#audio.volume = volumeFor(this.volume, this.current?.replaygain_db ?? null, this.levelled);
  }

  #element(): HTMLAudioElement {
    if (this.#audio) return this.#audio;
    const audio = new Audio();
    audio.preload = "auto";
    audio.addEventListener("play", () => (this.playing = true));
    audio.addEventListener("pause", () => (this.playing = false));
    audio.addEventListener("timeupdate", () => (this.time = audio.currentTime));
    audio.addEventListener("durationchange", () => {
      if (Number.isFinite(audio.duration)) this.length = audio.duration;
    });
    audio.addEventListener("ended", () => this.next());
    audio.addEventListener("error", () => {
      if (this.current) this.problem = words.library.player.cannot(labelOf(this.current));
      this.playing = false;
    });
    this.#audio = audio;
    this.#keys();
    return audio;
  }

  #announce(track: Track): void {
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = new MediaMetadata({ title: titleOf(track), artist: track.artist ?? "", album: track.album ?? "" });
  }

  /** Keys of keyboards, headsets and lock screens. */
  #keys(): void {
    if (!("mediaSession" in navigator)) return;
    const session = navigator.mediaSession;
    session.setActionHandler("play", () => this.toggle());
    session.setActionHandler("pause", () => this.toggle());
    session.setActionHandler("nexttrack", () => this.next());
    session.setActionHandler("previoustrack", () => this.previous());
    session.setActionHandler("seekto", (details) => this.seek(details.seekTime ?? 0));
    session.setActionHandler("stop", () => this.close());
  }
}

export const player = new Player();
