import { describe, expect, it } from "vitest";
import { chosen, toggled, without, wordsOf } from "../src/views/library/query";

describe("words of a query", () => {
  it("keep what stands in quotes together", () => {
    expect(wordsOf('artist:"miles davis" -tag:live  blue')).toEqual(['artist:"miles davis"', "-tag:live", "blue"]);
  });

  it("take a quote that is not closed to the end, for the server to complain of", () => {
    expect(wordsOf('title:"so what')).toEqual(['title:"so what']);
  });
});

describe("a filter", () => {
  it("adds its term to the end of the query", () => {
    expect(toggled("miles bpm:90..110", "genre", "jazz", true)).toBe("miles bpm:90..110 genre:jazz");
  });

  it("puts a second value beside the first, and takes each away again", () => {
    const two = toggled("genre:jazz", "genre", "blues", true);
    expect(two).toBe("genre:jazz|blues");
    expect(chosen(two, "genre")).toEqual(["jazz", "blues"]);
    expect(toggled(two, "genre", "jazz", true)).toBe("genre:blues");
    expect(toggled("a genre:blues b", "genre", "blues", true)).toBe("a b");
  });

  it("replaces a value of a field that has one only", () => {
    expect(toggled("year:1970..1979 x", "year", "1980..1989", false)).toBe("year:1980..1989 x");
  });

  it("holds in every alternative of a query with commas", () => {
    const both = toggled("miles, coltrane bpm:200..", "genre", "jazz", true);
    expect(both).toBe("miles genre:jazz, coltrane bpm:200.. genre:jazz");
    expect(chosen(both, "genre")).toEqual(["jazz"]);
    expect(chosen("genre:jazz, blues", "genre")).toEqual([]);
    expect(toggled(both, "genre", "jazz", true)).toBe("miles, coltrane bpm:200..");
  });

  it("leaves no comma without a term on both sides, which the server would refuse", () => {
    expect(toggled("genre:jazz, genre:jazz x", "genre", "jazz", true)).toBe("");
  });

  it("quotes values with spaces", () => {
    expect(toggled("", "key", "D minor", true)).toBe('key:"D minor"');
    expect(chosen('key:"D minor"', "key")).toEqual(["D minor"]);
  });

  it("leaves negated terms and other fields alone", () => {
    expect(toggled("-genre:rock tag_genre:jazz", "genre", "jazz", true)).toBe("-genre:rock tag_genre:jazz genre:jazz");
  });

  it("can be left out, to count what else it could be", () => {
    expect(without("miles genre:jazz|blues bpm:90..", "genre")).toBe("miles bpm:90..");
    expect(without("genre:jazz, blues", "genre")).toBe("");
  });
});
