import { describe, expect, it } from "vitest";
import { linkOf, meant, nearest, type Mood } from "../src/api/mood";
import { emptyChoice, wishOf } from "../src/views/mood/wish";

const MOODS: Mood[] = [
  { name: "happy", valence: 0.8, arousal: 0.5, synonyms: ["glad", "feel good"] },
  { name: "calm", valence: 0.5, arousal: -0.7, synonyms: ["quiet"] },
  { name: "sad", valence: -0.75, arousal: -0.4, synonyms: ["unhappy", "tearful"] },
];

describe("mood words", () => {
  it("name the point that is nearest", () => {
    expect(nearest(0.7, 0.6, MOODS)?.name).toBe("happy");
    expect(nearest(0.6, -0.9, MOODS)?.name).toBe("calm");
    expect(nearest(0, 0, [])).toBeNull();
  });

  it("are understood by synonym, whatever the case, spaces and hyphens", () => {
    expect(meant(" Feel-Good ", MOODS)?.name).toBe("happy");
    expect(meant("SAD", MOODS)?.name).toBe("sad");
    expect(meant("purple", MOODS)).toBeNull();
    expect(meant("  ", MOODS)).toBeNull();
  });
});

describe("a wish", () => {
  it("asks for a named point by its name, and for any other by valence and arousal", () => {
    const choice = { ...emptyChoice(), valence: 0.5, arousal: -0.7 };
    expect(wishOf(choice, MOODS)).toEqual({ mood: "calm", lift: false, minutes: 30 });
    expect(wishOf({ ...choice, arousal: -0.65 }, MOODS)).toEqual({ valence: 0.5, arousal: -0.65, lift: false, minutes: 30 });
  });

  it("leaves out what was left empty", () => {
    const choice = { ...emptyChoice(), artist: "  ", language: " português ", minutes: null, lift: true };
    expect(wishOf(choice, MOODS)).toEqual({ valence: 0, arousal: 0, lift: true, language: "português" });
  });
});

describe("the link elsewhere", () => {
  const link = (url: string): string | null => linkOf({ service: "YouTube", terms: "x", url });

  it("is passed on as it is, encoding and all", () => {
    const url = "https://www.youtube.com/results?search_query=sad+songs+Beyonc%C3%A9+%26+Jay-Z";
    expect(link(url)).toBe(url);
  });

  it("is no link if it is not a web address with TLS", () => {
    expect(link("javascript:alert(1)")).toBeNull();
    expect(link("http://www.youtube.com/")).toBeNull();
    expect(link("//www.youtube.com/")).toBeNull();
  });
});
