// What is looked at, kept in the address: #/library?tab=map&query=genre:jazz. Links work, and so does the back button.
import { href, route } from "../../lib/route.svelte";

export const TABS = ["tracks", "map", "playlists", "tags", "insights"] as const;
export type Tab = (typeof TABS)[number];

type Change = { tab?: Tab; query?: string; sort?: string; page?: number; track?: number | null };

class Address {
  get tab(): Tab {
    const named = route.params.get("tab");
    return TABS.find((tab) => tab === named) ?? "tracks";
  }

  get query(): string {
    return route.params.get("query") ?? "";
  }

  /** As of the query language: "title+", "bpm-". */
  get sort(): string {
    return route.params.get("sort") ?? "";
  }

  /** From 1. */
  get page(): number {
    const page = Number(route.params.get("page"));
    return Number.isInteger(page) && page > 0 ? page : 1;
  }

  /** The track whose details are shown. */
  get track(): number | null {
    const id = Number(route.params.get("track"));
    return Number.isInteger(id) && id > 0 ? id : null;
  }

  /** Another query or order begins at its first page. */
  go(change: Change): void {
    const next = { tab: this.tab, query: this.query, sort: this.sort, track: this.track, page: this.page, ...change };
    if ("query" in change || "sort" in change) next.page = change.page ?? 1;
    const params: Record<string, string | number> = {};
    if (next.tab !== "tracks") params["tab"] = next.tab;
    if (next.query) params["query"] = next.query;
    if (next.sort) params["sort"] = next.sort;
    if (next.page > 1) params["page"] = next.page;
    if (next.track) params["track"] = next.track;
    const wanted = href("library", params);
    if (wanted !== location.hash) location.hash = wanted;
  }
}

export const address = new Address();
